#!/bin/bash
# A module of dracut with what RHCOS has around Ignition at the first boot, and its names of multipath devices.

depends() {
  echo ignition mdraid multipath
}

install() {
  inst_multiple bash blkid cp dd findmnt grep jq lsblk mdadm mkdir mount readlink sed sleep tr udevadm umount
  inst_script "$moddir/first-boot" /usr/sbin/first-boot
  # Ignition labels files for SELinux, which this system does not have.
  printf '#!/bin/sh\ncat >/dev/null\n' >"$initdir/usr/sbin/setfiles"
  chmod 755 "$initdir/usr/sbin/setfiles"
  for step in config save restore mount complete; do
    inst_simple "$moddir/first-boot-$step.service" "$systemdsystemunitdir/first-boot-$step.service"
    mkdir -p "$initdir/$systemdsystemunitdir/ignition-diskful.target.requires"
    ln_r "$systemdsystemunitdir/first-boot-$step.service" \
      "$systemdsystemunitdir/ignition-diskful.target.requires/first-boot-$step.service"
  done
  # The names of Debian, which dracut does not know.
  inst_rules 01-md-raid-creating.rules 55-dm.rules 56-dm-mpath.rules 56-dm-parts.rules 60-multipath.rules \
    60-kpartx.rules 60-persistent-storage-dm.rules 95-dm-notify.rules
  inst_multiple /usr/lib/multipath/*.so
  # In the initramfs, RHEL has no socket that starts multipathd again before the system starts.
  rm -f "$initdir/$systemdsystemunitdir/multipathd.socket" "$initdir"/etc/systemd/system/sockets.target.wants/multipathd.socket
  inst_simple "$moddir/90-multipath-labels.rules" /usr/lib/udev/rules.d/90-multipath-labels.rules
}
