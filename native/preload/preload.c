/*
 * Loaded into llama.cpp before all else (LD_PRELOAD). Before a pass over the weights it takes the model's pages out of the
 * process's page tables, so that each page that the pass uses faults once; they stay in the page cache. blkscope sees the
 * faults from outside. Nothing else of the program is changed, and where anything fails the program runs on as it would.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "preload/records.h"
#include "system/syscall_numbers.h"

#define EXPORTED __attribute__((visibility("default")))
#define MOST_MAPPINGS 256

typedef int (*compute_fn)(void* sched, void* graph);
typedef int (*munmap_fn)(void* start, size_t bytes);

struct file {
  const char* path;
  uint32_t pathBytes;
  uint32_t cutCount;
  const uint64_t* cuts;
};

struct mapping {
  uint32_t file;
  uintptr_t start, end;
  uint64_t offset;
};

static int fd = -1;
static struct blkscope_wanted wanted;
static struct file* files;
static struct mapping mappings[MOST_MAPPINGS];
static size_t mappingCount;
static int mappingsKnown;
static enum { UNWATCHED, WATCHING, JUST_JOINED, JOINED, WATCHING_FOR_GOOD } state;
static int hugePagesWere;
static uint64_t faultsBefore, diskFaultsBefore; /* of this process, when the last pass began */
static uint64_t passes;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void tell(uint32_t kind, uint32_t where, uint64_t first, uint64_t second, uint64_t third) {
  struct blkscope_record record = {kind, where, (uint64_t)getpid(), first, second, third};
  while (write(fd, &record, sizeof record) < 0 && errno == EINTR) {
  }
}

/* Reads what blkscope wants. 0: nothing, this process is none of its. */
static int readWanted(void) {
  const char* text = getenv(BLKSCOPE_TOUCHES_FD);
  if (!text) return 0;
  int given = atoi(text);
  if (pread(given, &wanted, sizeof wanted, 0) != (ssize_t)sizeof wanted || wanted.bytes < sizeof wanted) return 0;
  char* all = malloc(wanted.bytes);
  files = calloc(wanted.files, sizeof *files);
  if (!all || !files || pread(given, all, wanted.bytes, 0) != (ssize_t)wanted.bytes) return 0;
  size_t at = sizeof wanted;
  for (uint32_t i = 0; i < wanted.files; ++i) {
    memcpy(&files[i].pathBytes, all + at, sizeof(uint32_t));
    memcpy(&files[i].cutCount, all + at + 4, sizeof(uint32_t));
    files[i].path = all + at + 8;
    /* Cuts are where they can be read as they are. */
    at = (at + 8 + files[i].pathBytes + 7) / 8 * 8;
    files[i].cuts = (const uint64_t*)(const void*)(all + at);
    at += files[i].cutCount * sizeof(uint64_t);
  }
  fcntl(given, F_SETFD, FD_CLOEXEC);
  fd = given;
  return 1;
}

static int fileOf(const char* path) {
  size_t bytes = strcspn(path, "\n");
  for (uint32_t i = 0; i < wanted.files; ++i) {
    if (files[i].pathBytes == bytes && memcmp(files[i].path, path, bytes) == 0) return (int)i;
  }
  return -1;
}

static uint64_t cutAt(const struct file* file, uint32_t i) { return file->cuts[i] & ~(uint64_t)BLKSCOPE_CUT_BITS; }

/* Splits a mapping at its file's cuts: neighbours that differ in a flag are mappings of their own. Of a core dump every second is left out. */
static void split(const struct mapping* mapping) {
  const struct file* file = &files[mapping->file];
  uint64_t end = mapping->offset + (mapping->end - mapping->start);
  uint64_t from = mapping->offset;
  int out = 0;
  for (uint32_t i = 0; i <= file->cutCount && from < end; ++i) {
    uint64_t to = i < file->cutCount ? cutAt(file, i) : end;
    if (to <= from) continue;
    if (to > end) to = end;
    if (out) madvise((void*)(mapping->start + (from - mapping->offset)), to - from, MADV_DONTDUMP);
    out = !out;
    from = to;
  }
}

/* Finds the mappings of the model's files; those that were split before are found as one. */
static void findMappings(void) {
  FILE* maps = fopen("/proc/self/maps", "re");
  if (!maps) return;
  char* line = NULL;
  size_t room = 0;
  mappingCount = 0;
  while (getline(&line, &room, maps) > 0) {
    unsigned long start, end;
    unsigned long long offset;
    int pathAt = 0;
    if (sscanf(line, "%lx-%lx %*s %llx %*s %*s %n", &start, &end, &offset, &pathAt) < 3 || pathAt == 0) continue;
    int file = fileOf(line + pathAt);
    if (file < 0) continue;
    struct mapping* last = mappingCount > 0 ? &mappings[mappingCount - 1] : NULL;
    if (last && last->file == (uint32_t)file && last->end == start && last->offset + (last->end - last->start) == offset) {
      last->end = end;
    } else if (mappingCount < MOST_MAPPINGS) {
      mappings[mappingCount++] = (struct mapping){(uint32_t)file, start, end, offset};
    }
  }
  free(line);
  fclose(maps);
  mappingsKnown = mappingCount > 0;
  for (size_t i = 0; i < mappingCount; ++i) {
    const struct mapping* each = &mappings[i];
    split(each);
    tell(BLKSCOPE_MAPPING, each->file, each->start, each->end, each->offset);
  }
}

/* Where a part of a mapping, by offsets in its file, is in memory; of no length where it has none of it. */
static struct iovec placeOf(const struct mapping* mapping, uint64_t from, uint64_t to) {
  uint64_t end = mapping->offset + (mapping->end - mapping->start);
  if (from < mapping->offset) from = mapping->offset;
  if (to > end) to = end;
  if (from >= to) return (struct iovec){0};
  return (struct iovec){(void*)(mapping->start + (from - mapping->offset)), to - from};
}

static int advise(const struct mapping* mapping, uint64_t from, uint64_t to, int advice) {
  struct iovec place = placeOf(mapping, from, to);
  return place.iov_len > 0 ? madvise(place.iov_base, place.iov_len, advice) : 0;
}

typedef int (*piece_fn)(const struct mapping* mapping, uint64_t from, uint64_t to, int hasBit);

/*
 * Calls `action` for the pieces of all mappings until it returns 0, and returns whether it never did. Neighbours that have the bit, or
 * have it not, take one call.
 */
static int forPieces(uint64_t bit, piece_fn action) {
  for (size_t i = 0; mappingsKnown && i < mappingCount; ++i) {
    const struct file* file = &files[mappings[i].file];
    uint64_t from = 0;
    int has = 0;
    for (uint32_t cut = 0; cut < file->cutCount; ++cut) {
      int next = (file->cuts[cut] & bit) != 0;
      if (next == has) continue;
      if (!action(&mappings[i], from, cutAt(file, cut), has)) return 0;
      from = cutAt(file, cut);
      has = next;
    }
    if (!action(&mappings[i], from, UINT64_MAX, has)) return 0;
  }
  return 1;
}

/* Pieces whose pages are to be taken out of the page tables together. */
static struct iovec gathered[512];
static size_t gatheredCount;

/* Of many places at once, where the kernel does that for a process's own memory (Linux 6.13): each call makes all CPUs forget. */
static int unmapAtOnce(void) {
  static int self = -1;
  static pid_t opened; /* a child is another process */
  if (opened != getpid()) {
    opened = getpid();
    self = (int)syscall(SYS_pidfd_open, opened, 0);
  }
  size_t bytes = 0;
  for (size_t i = 0; i < gatheredCount; ++i) bytes += gathered[i].iov_len;
  return self >= 0 && syscall(SYS_process_madvise, self, gathered, gatheredCount, MADV_DONTNEED, 0) == (long)bytes;
}

/* 0: the kernel refuses. */
static int unmapGathered(void) {
  int done = unmapAtOnce();
  for (size_t i = 0; !done && i < gatheredCount; ++i) {
    if (madvise(gathered[i].iov_base, gathered[i].iov_len, MADV_DONTNEED) == 0) continue;
    tell(BLKSCOPE_REFUSED, (uint32_t)errno, 0, 0, 0);
    return 0;
  }
  gatheredCount = 0;
  return 1;
}

static int gatherPiece(const struct mapping* mapping, uint64_t from, uint64_t to, int leftAlone) {
  struct iovec place = placeOf(mapping, from, to);
  if (leftAlone || place.iov_len == 0) return 1;
  gathered[gatheredCount++] = place;
  return gatheredCount < sizeof gathered / sizeof *gathered || unmapGathered();
}

/* From here on each page of the model that is watched faults when it is used. */
static void makePagesFault(void) {
  gatheredCount = 0;
  if (forPieces(BLKSCOPE_LEFT_ALONE, gatherPiece)) unmapGathered();
}

/* One mapping again, which is mapped anew, in pieces as large as the kernel likes. */
static int joinPiece(const struct mapping* mapping, uint64_t from, uint64_t to, int always) {
  if (wanted.follow && !always) {
    advise(mapping, from, to, MADV_NOHUGEPAGE);
  } else {
    advise(mapping, from, to, MADV_DODUMP);
    advise(mapping, from, to, MADV_DONTNEED);
  }
  return 1;
}

/*
 * While the model is watched no page table maps 2 MiB at once, since the kernel tells no more of that than one fault. Switched for
 * the process: a flag of the mapping (MADV_NOHUGEPAGE) could not be taken off again.
 */
static void beginWatching(void) {
  state = WATCHING;
  hugePagesWere = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0;
  if (hugePagesWere) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* The passes behind run as fast as unwatched ones. */
static void join(void) {
  state = JUST_JOINED;
  if (hugePagesWere) prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  forPieces(BLKSCOPE_ALWAYS, joinPiece);
}

/* Memory has become short: what is read again must show when it is used. It may become so again, so this is for good. */
static void splitAgain(void) {
  state = WATCHING_FOR_GOOD;
  if (hugePagesWere) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  for (size_t i = 0; mappingsKnown && i < mappingCount; ++i) split(&mappings[i]);
  makePagesFault();
}

/* Whether hardly anything has faulted since the last pass began: all that passes use is mapped, and stays so. */
static int wasQuiet(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  uint64_t faults = (uint64_t)use.ru_minflt - faultsBefore;
  uint64_t diskFaults = (uint64_t)use.ru_majflt - diskFaultsBefore;
  faultsBefore += faults;
  diskFaultsBefore += diskFaults;
  uint64_t pages = 0;
  uint64_t pageBytes = (uint64_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < mappingCount; ++i) pages += (mappings[i].end - mappings[i].start) / pageBytes;
  return diskFaults == 0 && faults <= 64 + pages / 1024; /* the program's own memory faults a little */
}

static void prepare(int profiled) {
  int quiet = wasQuiet();
  if (profiled) {
    if (state == UNWATCHED) beginWatching();
    if (!mappingsKnown) findMappings();
    makePagesFault();
  } else if (state == WATCHING && (!wanted.follow || quiet)) {
    join();
  } else if (state == JUST_JOINED) {
    state = JOINED; /* its first pass has mapped the model anew */
  } else if (state == JOINED && wanted.follow && !quiet) {
    splitAgain();
  }
}

/* The program's own function. A library that was opened for itself alone (as Node opens addons) is not in the usual search. */
static int findGgml(struct dl_phdr_info* info, size_t bytes, void* found) {
  (void)bytes;
  if (!info->dlpi_name || !strstr(info->dlpi_name, "libggml-base")) return 0;
  void* library = dlopen(info->dlpi_name, RTLD_NOLOAD | RTLD_LAZY);
  void* symbol = library ? dlsym(library, "ggml_backend_sched_graph_compute_async") : NULL;
  if (!symbol) return 0;
  *(void**)found = symbol;
  return 1;
}

static compute_fn realCompute(void) {
  static compute_fn real;
  if (real) return real;
  void* symbol = dlsym(RTLD_NEXT, "ggml_backend_sched_graph_compute_async");
  if (!symbol) dl_iterate_phdr(findGgml, &symbol);
  memcpy(&real, &symbol, sizeof real);
  return real;
}

static int active(void) {
  static int state; /* 0: not looked yet */
  if (state == 0) state = readWanted() ? 1 : 2;
  return state == 1;
}

EXPORTED int ggml_backend_sched_graph_compute_async(void* sched, void* graph) {
  compute_fn real = realCompute();
  if (!real) abort(); /* the program has called what is nowhere */
  if (!active()) return real(sched, graph);
  uint64_t before = now();
  int profiled = passes < wanted.profiledPasses;
  prepare(profiled);
  uint64_t begin = now();
  tell(BLKSCOPE_BEGIN, (uint32_t)profiled, passes, begin, 0);
  int status = real(sched, graph);
  tell(BLKSCOPE_END, (uint32_t)profiled, passes, now(), begin - before);
  ++passes;
  return status;
}

/* A mapping of the model that goes must not be touched again: its place may be somebody else's. */
EXPORTED int munmap(void* start, size_t bytes) {
  static munmap_fn real;
  if (!real) {
    void* symbol = dlsym(RTLD_NEXT, "munmap");
    memcpy(&real, &symbol, sizeof real);
  }
  for (size_t i = 0; i < mappingCount; ++i) {
    if ((uintptr_t)start < mappings[i].end && (uintptr_t)start + bytes > mappings[i].start) mappingsKnown = 0;
  }
  return real(start, bytes);
}
