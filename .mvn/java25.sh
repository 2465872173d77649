# Finds a JDK 25 wherever it is. Sourced by ./mvnw and ./exeat, which set $me to their name.

java_feature=25

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$me: $1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 1
}

# True if $1 is the home of a JDK (not only a runtime) of the wanted feature release.
is_wanted_jdk() {
  [ -x "$1/bin/javac" ] && [ -x "$1/bin/java" ] && [ -x "$1/bin/jar" ] || return 1
  if [ -r "$1/release" ]; then
    release=$(sed -n 's/^JAVA_VERSION="\{0,1\}\([0-9][0-9]*\).*/\1/p' "$1/release")
  else
    release=$("$1/bin/java" -version 2>&1 | sed -n '1s/[^"]*"\([0-9][0-9]*\).*/\1/p')
  fi
  [ "$release" = "$java_feature" ]
}

# The homes of the java commands on the PATH, one a line, links followed.
jdks_on_path() {
  (
    IFS=:
    set -f
    for folder in $PATH; do
      [ -x "$folder/java" ] || continue
      command=$(readlink -f "$folder/java" 2>/dev/null) || command=$folder/java
      home=${command%/bin/java}
      if [ "$home" = "$command" ] || [ ! -x "$home/bin/javac" ]; then
        # A shim (jenv, asdf, macOS): only the running java knows its home.
        home=$("$folder/java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p') || continue
      fi
      printf '%s\n' "$home"
    done
  )
}

find_jdk() {
  if [ -n "${JAVA_HOME:-}" ] && is_wanted_jdk "$JAVA_HOME"; then
    printf '%s\n' "$JAVA_HOME"
    return 0
  fi
  {
    jdks_on_path
    user=${HOME:-/nonexistent}
    for home in \
      /usr/lib*/jvm/* /usr/java/* /usr/local/lib*/jvm/* /usr/local/*jdk* \
      /opt/* /opt/java/* /opt/jdk/* /opt/jdks/* \
      "$user"/.sdkman/candidates/java/* "$user"/.jdks/* "$user"/.jenv/versions/* \
      "$user"/.asdf/installs/java/* "$user"/.local/share/mise/installs/java/* \
      /Library/Java/JavaVirtualMachines/*/Contents/Home \
      "$user"/Library/Java/JavaVirtualMachines/*/Contents/Home \
      /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
      [ -d "$home" ] && printf '%s\n' "$home"
    done
  } | while IFS= read -r home; do
    if is_wanted_jdk "$home"; then
      printf '%s\n' "$home"
      break
    fi
  done
}

# Exports JAVA_HOME as the home of a wanted JDK, or says what is missing and ends.
use_jdk() {
  home=$(find_jdk)
  [ -n "$home" ] ||
    fail "no JDK $java_feature was found (a JDK, with javac; a runtime is not enough)." \
      "Looked at: JAVA_HOME (${JAVA_HOME:-not set}), the java commands on the PATH, and the usual folders" \
      "(/usr/lib/jvm, /usr/java, /opt, ~/.sdkman, ~/.jdks, ~/.asdf, ~/.local/share/mise, /Library/Java)." \
      "Install one (for example Temurin $java_feature), or set JAVA_HOME to where it is."
  JAVA_HOME=$home
  export JAVA_HOME
}
