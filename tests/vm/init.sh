#!/bin/busybox sh
# Process 1 of a test guest (guest.ts): mounts what a Linux machine has, then serves the host's requests for ever.
# Being process 1, it is the one process that running out of memory cannot take away.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/bin/busybox --install -s /bin
mkdir -p /usr /proc /sys /dev /tmp /run /root /var/tmp /mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
for folder in /dev/shm /tmp /run; do mount -t tmpfs tmpfs "$folder"; done
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+memory +io' > /sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
modprobe -a virtio_pci virtio_console virtio_blk
for serial in /sys/block/vd*/serial; do
  disk=${serial%/serial}
  if [ "$(cat "$serial")" = usr ]; then mount -o ro "/dev/${disk##*/}" /usr; fi
done
ln -s /usr/lib64 /lib64
ln -s /usr/lib/node_modules /blkscope/node_modules

# A request is a line "SCRIPT_BYTES INPUT_BYTES SECONDS", the script, its standard input. The answer is a line
# "EXIT_CODE STDOUT_BYTES STDERR_BYTES", then both. Files, not pipes, lie between: what a script leaves running
# in the background can then hold up nothing. Scripts get dash, as on Debian: busybox's own shell would prefer its
# applets, such as losetup, to the real programs.
exec 3<> /dev/vport0p1
copy() { dd bs=256k iflag=fullblock,count_bytes count="$1" status=none; }
mkdir /run/agent
cd /root
for online in /sys/devices/system/cpu/cpu[1-9]*/online; do [ -e "$online" ] && echo 1 > "$online"; done
echo "ready $(uname -r)" >&3
while read -r script_bytes input_bytes seconds <&3; do
  copy "$script_bytes" <&3 > /run/agent/script
  copy "$input_bytes" <&3 > /run/agent/input
  timeout -s KILL "$seconds" dash /run/agent/script < /run/agent/input > /run/agent/stdout 2> /run/agent/stderr 3>&-
  exit_code=$?
  # Nothing grows between the sizes told and the bytes sent.
  stdout_bytes=$(stat -c %s /run/agent/stdout)
  stderr_bytes=$(stat -c %s /run/agent/stderr)
  echo "$exit_code $stdout_bytes $stderr_bytes" >&3
  copy "$stdout_bytes" < /run/agent/stdout >&3
  copy "$stderr_bytes" < /run/agent/stderr >&3
  rm -f /run/agent/*
done
