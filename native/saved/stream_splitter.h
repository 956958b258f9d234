// Splits one file that holds several CPUs (blktrace -o -, blkparse -d) into a stream each.
#pragma once

#include <string>
#include <vector>

#include "saved/file_stream.h"
#include "system/result.h"

namespace blkscope {

/// Copies the records of each device and CPU to a nameless file of its own in $TMPDIR (/var/tmp without it): a CPU's
/// records are in order, those of several CPUs in one pipe are not, and how far out of order has no bound. So the
/// memory stays fixed, whatever the length, at the cost of the space.
///
/// Gives no stream for what is no trace. `file` is passed on to the streams; `cancel` ends the reading, and what was read then is split. `defects` takes what
/// could not be read. Errors: no space or no place for the copies.
Result<std::vector<FileStream>> splitStream(const std::string& name, size_t file, Fd fd, const Cancel& cancel,
                                            std::vector<Defect>& defects);

}  // namespace blkscope
