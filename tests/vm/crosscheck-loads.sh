# Runs inside a guest: records with blktrace what crosscheck.test.ts imports. Leaves /tmp/traces.tar.
set -e
mkdir /tmp/traces
cd /tmp/traces

# record NAME 'DEVICE...' LOAD [OPTION...]: the load while the devices are traced, each with all its actions.
record() {
  devices=$2
  load=$3
  output="-o $1"
  # With several devices blktrace names the files after them.
  case $devices in *' '*) output='' ;; esac
  shift 3
  blktrace $(printf -- '-d /dev/%s ' $devices) $output "$@" > blktrace.log &
  tracer=$!
  for device in $devices; do
    until [ -e "/sys/kernel/debug/block/$device/trace0" ]; do sleep 0.02; done
  done
  # Its files are there before it traces, and interrupted before all its threads run it would wait for ever.
  sleep 0.3
  eval "$load" > load.log 2>&1
  kill -INT $tracer
  wait $tracer
}

direct='fio --output=fio.log --filename=/dev/vda --direct=1 --ioengine=libaio'
for scheduler in none mq-deadline; do
  echo $scheduler > /sys/block/vda/queue/scheduler
  # In batches, so that neighbours meet in the plug and are merged: at a request's end, then at its start.
  record sequential-$scheduler vda "$direct --bs=4k --iodepth=32 --iodepth_batch=16 --number_ios=200 \
    --name=forward --rw=read --name=backward --stonewall --rw=read:-8k --offset=128M"
  record random-$scheduler vda "$direct --name=random --bs=4k --rw=randread --iodepth=16 --number_ios=300"
  record mmap-$scheduler vda 'fio --output=fio.log --filename=/dev/vda --name=mmap --ioengine=mmap --rw=randread \
    --bs=16k --size=64M --number_ios=100'
  record mixed-$scheduler vda 'fio --output=fio.log --filename=/dev/vda --size=64M \
    --name=mixed --rw=randrw --bs=8k --number_ios=120 --fsync=16 \
    --name=trim --stonewall --rw=randtrim --bs=64k --number_ios=20 --offset=128M --direct=1'
done
# One read of more than a request can hold is split.
record split vda 'dd if=/dev/vda of=/dev/null bs=8M count=2 skip=20 iflag=direct'

dmsetup create linear --table '0 262144 linear /dev/vda 4096'
record dm 'dm-0 vda' 'fio --output=fio.log --filename=/dev/dm-0 --direct=1 --ioengine=libaio \
  --name=dm --bs=8k --rw=randread --iodepth=8 --number_ios=150'
dmsetup remove linear

# Buffers so small that most events are dropped.
record dropped nullb0 'fio --output=fio.log --filename=/dev/nullb0 --direct=1 --ioengine=libaio \
  --name=fast --bs=4k --rw=randread --iodepth=32 --number_ios=1500' -b 1 -n 2
mv blktrace.log dropped.log
tar cf /tmp/traces.tar *.blktrace.* dropped.log
