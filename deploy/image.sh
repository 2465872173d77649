#!/bin/sh
# Lays the image's files out in a folder, for deploy/Dockerfile and for the Maven profile `image`: image.sh <sources> <folder>.
# Needs JDK 25 at JAVA_HOME or on the PATH, and glibc; writes nowhere else. What is in the folder runs at /.
set -eu

src=$1
rm -rf "$2" && mkdir -p "$2"
image=$(cd "$2" && pwd -P)
home=$image/opt/exeat
java_home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}
machine=$(uname -m)
case $machine in
  x86_64) platform=x86_64 ;;
  aarch64) platform=aarch64 ;;
  *) echo "image.sh: there is no image for $machine" >&2 && exit 1 ;;
esac

mkdir -p "$image/tmp" "$image/etc" "$image/var/lib/exeat" "$home/native"
chmod 1777 "$image/tmp"
[ "$(id -u)" != 0 ] || chown 64001:64001 "$image/var/lib/exeat"
chmod 0700 "$image/var/lib/exeat"
echo 'exeat:x:64001:64001::/tmp:/nonexistent' >"$image/etc/passwd"
printf 'exeat:x:64001:\nexeat-agents:x:64002:\n' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"

# jdeps names these for the jars, and java.desktop for two classes that nothing here loads; sasl and jgss are for LDAP and
# Kerberos, which Postgres' driver and naming refer to.
"$java_home/bin/jlink" --output "$home/jre" --strip-java-debug-attributes --no-header-files --no-man-pages \
  --add-modules java.base,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.sql,jdk.jfr,jdk.net,jdk.unsupported
rm -rf "$home/jre/legal" # kept as one file: LICENSE

# Native libraries are taken out of their jars, for one platform: nothing is unpacked at a start, and /tmp may be noexec.
cp -R "$src/broker/target/lib" "$home/lib"
native() { # <jar> <what of it> <file> <folders to leave out of it>
  jar=$(ls "$home"/lib/$1)
  work=$(mktemp -d)
  (cd "$work" && "$java_home/bin/jar" -xf "$jar")
  cp "$work/$2" "$home/native/$3"
  (cd "$work" && rm -rf $4 && mv META-INF/MANIFEST.MF manifest && "$java_home/bin/jar" -cfm "$jar" manifest $(ls -A | grep -vx manifest))
  rm -rf "$work"
}
native 'sqlite-jdbc-*.jar' "org/sqlite/native/Linux/$platform/libsqlitejdbc.so" libsqlitejdbc.so org/sqlite/native
native 'cedar-java-*-uber.jar' "jne/linux/$platform/libcedar_java_ffi.so" libcedar_java_ffi.so jne
netty=$platform
[ $platform = x86_64 ] || netty=aarch_64
native "netty-transport-native-epoll-*-linux-$netty.jar" "META-INF/native/libnetty_transport_native_epoll_$netty.so" \
  "libnetty_transport_native_epoll_$netty.so" META-INF/native
rm -f "$home"/lib/netty-transport-native-epoll-*-linux-$([ $netty = x86_64 ] && echo aarch_64 || echo x86_64).jar

cp "$src/broker/target/exeat.jar" "$src/LICENSE" "$src/exeat" "$home/"
# What is in lib/ and nothing else, by Maven's own account, when it has given one.
sbom=$src/broker/target/exeat.cdx.json
if [ -f "$sbom" ]; then
  sed -n 's#.*"purl" *: *"pkg:maven/[^/]*/\([^@]*\)@\([^?]*\)?\(.*\)type=jar".*#\1-\2-\3#p' "$sbom" |
    sed 's/-classifier=\([^&]*\)&$/-\1/; s/-$//; s/$/.jar/' | grep -v '^exeat-broker-' | sort -u >"$image/listed"
  ls "$src/broker/target/lib" | sort >"$image/there"
  diff "$image/there" "$image/listed" >&2 || { echo "image.sh: $sbom does not say what lib/ holds (<)" >&2 && exit 1; }
  rm "$image/there" "$image/listed"
  cp "$sbom" "$home/sbom.cdx.json"
fi
# The cache of classes holds the files' times too; all the same, so that a build's own clock is not in it.
find "$home" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-1767225600}" {} +

export CEDAR_JAVA_FFI_LIB=$home/native/libcedar_java_ffi.so
export EXEAT_JAVA_OPTS="-Djava.library.path=$home/native -Dorg.sqlite.lib.path=$home/native"
JAVA_HOME=$home/jre "$home/exeat" rehearse
JAVA_HOME=$home/jre "$home/exeat" options >"$home/options"
rm "$home/exeat"
sed -i "s#$image/#/#g" "$home/options"
touch -d "@${SOURCE_DATE_EPOCH:-1767225600}" "$home/options"

# What they are linked with: the loader and the C library.
linked=$(
  for each in "$home/jre/bin/java" "$home"/jre/lib/*.so "$home"/jre/lib/server/*.so "$home"/native/*.so; do
    LD_LIBRARY_PATH=$home/jre/lib:$home/jre/lib/server ldd "$each"
  done
)
case $linked in
  *'not found'*) echo "image.sh: a library is not here: $linked" >&2 && exit 1 ;;
esac
for library in $(echo "$linked" | grep -o '/[^ :]* (' | tr -d ' (' | sort -u); do
  case $library in
    "$home"/*) continue ;;
  esac
  mkdir -p "$image$(dirname "$library")"
  cp -L "$library" "$image$library"
done
