#!/bin/sh
# Boots a systemd in namespaces: boot.sh SYSTEMD FOLDER PYTHON SITE PROJECT. Called in new namespaces of every kind but
# users', as root. FOLDER has units/ and etc/, and is /tmp there; everything else is read-only or gone with the namespaces.
set -eu
systemd=$1 folder=$2 python=$3 site=$4 project=$5
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/etc /run/opt/python /run/opt/site /run/opt/project
cp -a /etc/. /run/etc
cp -a "$folder/etc/." /run/etc
mount --bind /run/etc /etc
mount --bind /run/opt /opt
# Python may be below /root, where the unit lets nobody look.
mount --bind "$python" /opt/python
mount --bind "$site" /opt/site
mount --bind "$project" /opt/project
mkdir -p /run/units
cp -a "$folder/units/." /run/units
mount --bind "$folder" /tmp
for directory in /var/lib /var/log /var/tmp /usr/local/bin /home /srv; do
    mount -t tmpfs tmpfs "$directory"
done
cat >/usr/local/bin/hwbridge <<'END'
#!/bin/sh
exec env LANG=C.UTF-8 PYTHONHOME=/opt/python PYTHONPATH=/opt/project:/opt/site /opt/python/bin/python3 -m bridge "$@"
END
chmod 755 /usr/local/bin/hwbridge
umount -R /sys/fs/cgroup
mount -t tmpfs tmpfs /sys/fs
mkdir /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -o remount,bind,ro /
exec env -i container=hwbridge-test SYSTEMD_UNIT_PATH=/run/units PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$systemd" --system --unit=test.target --log-target=console --show-status=no
