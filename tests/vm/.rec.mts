import { bootGuest } from './guest.js';
import { writeFileSync, mkdirSync } from 'node:fs';
for (const [kernel, v] of [['6.1', 'v1'], ['7.3', 'v2']] as const) {
  await using guest = await bootGuest({ kernel, cpus: 2, disks: [{ sizeMiB: 64 }], modules: ['null_blk nr_devices=0'].slice(1) });
  const out = await guest.run(`set -e
mkdir -p /tmp/t; cd /tmp/t
echo mq-deadline > /sys/block/vda/queue/scheduler || true
mkfs.ext4 -q /dev/vda >/dev/null 2>&1 || mke2fs -q /dev/vda || true
blktrace -d /dev/vda -o ${v} > log & t=$!
until [ -e /sys/kernel/debug/block/vda/trace0 ]; do sleep 0.05; done
fio --name=mix --filename=/dev/vda --rw=randrw --bs=4k --direct=1 --iodepth=16 --ioengine=libaio --number_ios=150 --fsync=20 > fio.log 2>&1 || fio --name=mix --filename=/dev/vda --rw=randrw --bs=4k --direct=1 --number_ios=150 --fsync=20 >fio.log
fio --name=seq --filename=/dev/vda --rw=read --bs=4k --size=2m >> fio.log
blkdiscard -o 1048576 -l 1048576 /dev/vda || true
kill -INT $t; wait $t
ls -l; blktrace -d /dev/vda -o - > ${v}.pipe & t=$!
sleep 1
fio --name=seq --filename=/dev/vda --rw=randread --bs=4k --direct=1 --number_ios=60 >> fio.log
kill -INT $t; wait $t || true
tail -3 fio.log
`, {timeoutMs: 60000});
  console.log(out.exitCode, out.stdout, out.stderr);
  mkdirSync('/tmp/imp/fx', { recursive: true });
  for (const n of [`${v}.blktrace.0`, `${v}.blktrace.1`, `${v}.pipe`]) writeFileSync(`/tmp/imp/fx/${n}`, await guest.readFile(`/tmp/t/${n}`));
}
