/*
 * A reader that touches pages of a file in an order that is told: toy-reader FILE pread|mmap ORDER LOG
 * ORDER holds page numbers (uint64_t), one a touch. LOG gets for each touch the time when it was over (uint64_t, ns, CLOCK_MONOTONIC).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { page_bytes = 4096 };

static uint64_t* order_in(const char* path, size_t* count) {
  int fd = open(path, O_RDONLY);
  struct stat state;
  if (fd < 0 || fstat(fd, &state) != 0) return NULL;
  uint64_t* order = malloc((size_t)state.st_size);
  if (read(fd, order, (size_t)state.st_size) != state.st_size) return NULL;
  *count = (size_t)state.st_size / sizeof *order;
  close(fd);
  return order;
}

int main(int argc, char** argv) {
  size_t count = 0;
  uint64_t* order = argc == 5 ? order_in(argv[3], &count) : NULL;
  int fd = open(argv[1], O_RDONLY);
  struct stat state;
  if (!order || fd < 0 || fstat(fd, &state) != 0) return 2;
  volatile unsigned char* map = NULL;
  if (strcmp(argv[2], "mmap") == 0) map = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return 2;
  unsigned char page[page_bytes];
  unsigned sum = 0;
  for (size_t i = 0; i < count; ++i) {
    uint64_t at = order[i] * page_bytes;
    if (map) sum += map[at];
    else if (pread(fd, page, sizeof page, (off_t)at) < 0) return 3;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    order[i] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  }
  int log = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (write(log, order, count * sizeof *order) != (ssize_t)(count * sizeof *order)) return 4;
  return sum == 1 ? 5 : 0;
}
