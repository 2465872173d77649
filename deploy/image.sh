#!/bin/sh
# Lays the image's files out in a folder, for deploy/Dockerfile and for the Maven profile `image`: image.sh <sources> <folder>.
# Needs JDK 25 at JAVA_HOME or on the PATH, and glibc; writes nowhere else. What is in the folder runs at /.
#
# For another processor than this machine's:
#   TARGET_JDK    a JDK 25 for it, unpacked, with its jmods/
#   TARGET_ROOT   a root file system of its, or as much of one as has the loader and the C library; needs readelf
# Then nothing of it is run, so there is no cache of classes in the image, and its starts are slower.
set -eu

src=$1
rm -rf "$2" && mkdir -p "$2"
image=$(cd "$2" && pwd -P)
home=$image/opt/exeat
java_home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}
fail() {
  echo "image.sh: $*" >&2
  exit 1
}

foreign=${TARGET_JDK:-}
if [ -n "$foreign" ]; then
  [ -d "$foreign/jmods" ] || fail "there is no $foreign/jmods"
  [ -d "${TARGET_ROOT:-}" ] || fail "TARGET_ROOT must have the C library that goes with TARGET_JDK"
  machine=$(sed -n 's/^OS_ARCH="\(.*\)"$/\1/p' "$foreign/release")
else
  machine=$(uname -m)
fi
case $machine in
  x86_64) platform=x86_64 netty=x86_64 other=aarch_64 architecture=amd64 ;;
  aarch64) platform=aarch64 netty=aarch_64 other=x86_64 architecture=arm64 ;;
  *) fail "there is no image for $machine" ;;
esac
[ "${ARCHITECTURE:-$architecture}" = "$architecture" ] ||
  fail "these files are for $architecture, not for $ARCHITECTURE: that needs TARGET_JDK"

mkdir -p "$image/tmp" "$image/etc" "$image/var/lib/exeat" "$home/native"
chmod 1777 "$image/tmp"
[ "$(id -u)" != 0 ] || chown 64001:64001 "$image/var/lib/exeat"
chmod 0700 "$image/var/lib/exeat"
echo 'exeat:x:64001:64001::/tmp:/nonexistent' >"$image/etc/passwd"
printf 'exeat:x:64001:\nexeat-agents:x:64002:\n' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"

# jdeps names these for the jars, and java.desktop for two classes that nothing here loads; sasl and jgss are for LDAP and
# Kerberos, which Postgres' driver and naming refer to.
"$java_home/bin/jlink" ${foreign:+--module-path "$foreign/jmods"} --output "$home/jre" --strip-java-debug-attributes --no-header-files --no-man-pages \
  --add-modules java.base,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.sql,jdk.jfr,jdk.net,jdk.unsupported
rm -rf "$home/jre/legal" # kept as one file: LICENSE
find "$home/jre" -name '*.debuginfo' -delete # of some distributions' JDKs
find "$home/jre/bin" -type f ! -name java -delete

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
native "netty-transport-native-epoll-*-linux-$netty.jar" "META-INF/native/libnetty_transport_native_epoll_$netty.so" \
  "libnetty_transport_native_epoll_$netty.so" META-INF/native
rm -f "$home"/lib/netty-transport-native-epoll-*-linux-$other.jar

cp "$src/broker/target/exeat.jar" "$src/LICENSE" "$src/exeat" "$home/"
# What is in lib/ and nothing else, by Maven's own account, when it has given one.
sbom=$src/broker/target/exeat.cdx.json
if [ -f "$sbom" ]; then
  sed -n 's#.*"purl" *: *"pkg:maven/[^/]*/\([^@]*\)@\([^?]*\)?\(.*\)type=jar".*#\1-\2-\3#p' "$sbom" |
    sed 's/-classifier=\([^&]*\)&$/-\1/; s/-$//; s/$/.jar/' | grep -v '^exeat-broker-' | sort -u >"$image/listed"
  ls "$src/broker/target/lib" | sort >"$image/there"
  diff "$image/there" "$image/listed" >&2 || fail "$sbom does not say what lib/ holds (<)"
  rm "$image/there" "$image/listed"
fi
# The cache of classes holds the files' times too; all the same, so that a build's own clock is not in it.
find "$home" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-1767225600}" {} +

export CEDAR_JAVA_FFI_LIB=$home/native/libcedar_java_ffi.so
export EXEAT_JAVA_OPTS="-Djava.library.path=$home/native -Dorg.sqlite.lib.path=$home/native"
if [ -n "$foreign" ]; then
  export EXEAT_NO_REHEARSAL=1
else
  JAVA_HOME=$home/jre "$home/exeat" rehearse
fi
JAVA_HOME=$home/jre "$home/exeat" options >"$home/options"
# For a broker that serves many agents.
JAVA_HOME=$home/jre EXEAT_MANY=1 "$home/exeat" options >"$home/options-many"
rm "$home/exeat"
sed -i "s#$image/#/#g" "$home/options" "$home/options-many"
touch -d "@${SOURCE_DATE_EPOCH:-1767225600}" "$home/options" "$home/options-many"

# What they are linked with: the loader and the C library.
ours="$home/jre/bin/java $(ls "$home"/jre/lib/*.so "$home"/jre/lib/server/*.so "$home"/native/*.so)"
linked() {
  for each in $ours; do
    LD_LIBRARY_PATH=$home/jre/lib:$home/jre/lib/server ldd "$each"
  done >"$image/linked"
  ! grep 'not found' "$image/linked" >&2 || fail "a library is not here"
  grep -o '/[^ :]* (' "$image/linked" | tr -d ' (' | sort -u | grep -v "^$home/"
}
# The same where nothing can be run: by their names, in the loader's usual folders.
needed() {
  todo=$ours
  while [ -n "$todo" ]; do
    more=$(for each in $todo; do
      readelf -d "$each" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'
      readelf -l "$each" | sed -n 's#.*interpreter: .*/\(.*\)\]$#\1#p'
    done | sort -u)
    todo=
    for name in $more; do
      [ ! -e "$home/jre/lib/$name" ] && [ ! -e "$home/jre/lib/server/$name" ] || continue
      ! grep -qs "/$name\$" "$image/linked" || continue
      for folder in /lib /lib64 "/lib/$machine-linux-gnu" "/usr/lib/$machine-linux-gnu" /usr/lib /usr/lib64; do
        [ -e "$TARGET_ROOT$folder/$name" ] || continue
        echo "$folder/$name" >>"$image/linked"
        todo="$todo $TARGET_ROOT$folder/$name"
        break
      done
      grep -qs "/$name\$" "$image/linked" || fail "$name is not in $TARGET_ROOT"
    done
  done
  cat "$image/linked"
}
root=
libraries=
if [ -n "$foreign" ]; then
  root=$TARGET_ROOT
  libraries=$(needed)
else
  libraries=$(linked)
fi
rm -f "$image/linked"
for library in $libraries; do
  mkdir -p "$image$(dirname "$library")"
  cp -L "$root$library" "$image$library"
done
# The loader is found by its path, the others by their names.
loader=$(readelf -l "$home/jre/bin/java" 2>/dev/null | sed -n 's#.*interpreter: \(/.*\)\]$#\1#p')
if [ -n "$foreign" ] && [ ! -e "$image$loader" ]; then
  mkdir -p "$image$(dirname "$loader")"
  for library in $libraries; do
    [ "$(basename "$library")" != "$(basename "$loader")" ] || mv "$image$library" "$image$loader"
  done
  libraries=$(echo "$libraries" | sed "s#^/.*/$(basename "$loader")\$#$loader#")
fi

# In the image's own list, besides: Java's runtime, the C library and the compiler's.
if [ -f "$sbom" ]; then
  version() { sed -n "s/^$1=\"\(.*\)\"\$/\1/p" "${foreign:-$java_home}/release"; }
  {
    printf '    { "type": "framework", "name": "openjdk", "publisher": "%s", "version": "%s",\n' "$(version IMPLEMENTOR)" \
      "$(version JAVA_RUNTIME_VERSION)"
    printf '      "bom-ref": "jre", "purl": "pkg:generic/openjdk@%s" },\n' "$(version JAVA_RUNTIME_VERSION | sed 's/+/%2B/g')"
    # "GNU C Library (<whose> GLIBC <version>) stable release version <release>."
    libc=$(for library in $libraries; do grep -ao 'GNU C Library .*version [0-9.]*[0-9]' "$image$library" || true; done |
      sed 's/.*(.* \([0-9][^ ]*\)).*/\1/; s/.*version //' | head -n 1)
    [ -n "$libc" ] || fail "none of these says that it is the C library: $libraries"
    for library in $libraries; do
      name=$(basename "$library")
      file=$image$library
      case $name in
        libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | ld-linux*) is=$libc ;;
        *) is= ;;
      esac
      printf '    { "type": "file", "name": "%s", "bom-ref": "file:%s",%s\n' "$library" "$name" "${is:+ \"version\": \"$is\",}"
      printf '      "hashes": [{ "alg": "SHA-256", "content": "%s" }] },\n' "$(sha256sum "$file" | cut -d ' ' -f 1)"
    done
  } >"$image/more"
  sed "/^  \"components\" : \[/r $image/more" "$sbom" >"$home/sbom.cdx.json"
  rm "$image/more"
  grep -q '"bom-ref": "jre"' "$home/sbom.cdx.json" || fail "$sbom has no place for Java's runtime"
  touch -d "@${SOURCE_DATE_EPOCH:-1767225600}" "$home/sbom.cdx.json"
fi
