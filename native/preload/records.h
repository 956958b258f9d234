/* What the preloaded library and blkscope tell each other, through a file in memory that both hold open. C, since the library is. */
#ifndef BLKSCOPE_PRELOAD_RECORDS_H
#define BLKSCOPE_PRELOAD_RECORDS_H

#include <stdint.h>

/* The environment variable that holds the file's descriptor in the workload. */
#define BLKSCOPE_TOUCHES_FD "BLKSCOPE_TOUCHES_FD"

/*
 * The file begins with what blkscope wants: this header, then for each file of the model its path's length (uint32_t), the
 * number of its cuts (uint32_t), the path, and the cuts (uint64_t): offsets in the file, ascending, whole pages, at which
 * mappings are split so that one fault never maps pages of two regions. A cut has bits for the piece behind it. LEFT_ALONE: it is not
 * made to fault. ALWAYS: each pass uses all of it. Records follow.
 */
#define BLKSCOPE_LEFT_ALONE 1
#define BLKSCOPE_ALWAYS 2
#define BLKSCOPE_CUT_BITS 3

struct blkscope_wanted {
  uint32_t bytes;          /* of the header and the files */
  uint32_t files;
  uint32_t profiledPasses; /* the first so many passes are profiled */
  uint32_t follow;         /* behind them, 0: the mappings become what they were; 1: faults still tell what is used after it was evicted */
};

enum blkscope_record_kind {
  BLKSCOPE_MAPPING = 1, /* where: a file; first, second: start and end of the mapping; third: offset in the file */
  BLKSCOPE_BEGIN = 2,   /* where: 1 if the pass is profiled; first: its number; second: ns, CLOCK_MONOTONIC */
  BLKSCOPE_END = 3,     /* the same, and third: ns that making it ready took */
  BLKSCOPE_REFUSED = 4  /* where: the errno of the call that should make pages fault again */
};

struct blkscope_record {
  uint32_t kind;
  uint32_t where;
  uint64_t pid;
  uint64_t first;
  uint64_t second;
  uint64_t third;
};

#endif
