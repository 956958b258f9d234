// How much a disk reads and writes each second, until Ctrl-C.
//   sudo npx tsx live-rate.ts /dev/nvme0n1
import { Tracer } from 'blkscope/capture';

const [device = '/dev/sda'] = process.argv.slice(2);
const tracer = Tracer.start({ devices: [device], deliver: false });
const mega = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(8);

console.log(`${device} by ${tracer.info.source}; Ctrl-C ends it`);
for await (const { readBytesPerSecond, writeBytesPerSecond, dropped } of tracer.progress(1000)) {
  const lost = dropped > 0 ? `, ${dropped} events lost` : '';
  console.log(`${mega(readBytesPerSecond)} MB/s read, ${mega(writeBytesPerSecond)} MB/s written${lost}`);
}
