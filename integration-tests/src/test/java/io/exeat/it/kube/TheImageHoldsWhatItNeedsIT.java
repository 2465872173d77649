package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The files of the image, as {@code deploy/image.sh} lays them out for Docker and for Jib. Where a
 * root runs the tests, they run at {@code /} as in a container: as its user, with nothing else.
 */
@Timeout(600)
final class TheImageHoldsWhatItNeedsIT {
  /**
   * What {@code lib/} refers to and the runtime leaves out: two classes that nothing here loads.
   */
  private static final Set<String> LEFT_OUT = Set.of("java.desktop");

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path image;

  @BeforeAll
  static void layOut() throws Exception {
    Path home = Path.of(System.getProperty("exeat.java.home", System.getProperty("java.home")));
    assumeTrue(Files.exists(home.resolve("bin/jlink")), "this Java has no jlink");
    image = folder.resolve("image");
    ProcessBuilder builder =
        new ProcessBuilder(
            "sh",
            Packaged.root().resolve("deploy/image.sh").toString(),
            Packaged.root().toString(),
            image.toString());
    builder.environment().put("JAVA_HOME", home.toString());
    run(builder, 0);
  }

  @Test
  void thereIsNothingThatNobodyNeeds() throws Exception {
    List<String> outside = new ArrayList<>();
    for (Path file : files()) {
      String name = "/" + image.relativize(file);
      if (!name.startsWith("/opt/exeat/")) {
        outside.add(name.replaceFirst("^(/usr)?/lib(64)?/.*", "a library"));
      }
    }
    assertThat(outside)
        .containsOnly("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "a library")
        .hasSizeLessThan(20);
    assertThat(names(image.resolve("opt/exeat/jre/bin"))).containsExactly("java");
  }

  /** No shell, and nothing that would make its user another one. */
  @Test
  void whatCanBeRunIsJavaAndItsLoader() throws Exception {
    Set<String> programs = new TreeSet<>();
    for (Path file : files()) {
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(file);
      assertThat((Integer) Files.getAttribute(file, "unix:mode") & 06000).as("%s", file).isZero();
      assertThat(mode).as("%s", file).doesNotContain(PosixFilePermission.OTHERS_WRITE);
      String name = file.getFileName().toString();
      if (mode.contains(PosixFilePermission.OTHERS_EXECUTE) && !name.matches("lib.*\\.so.*")) {
        programs.add(name.replaceFirst("^ld-linux.*", "the loader"));
      }
    }
    assertThat(programs).containsExactlyInAnyOrder("java", "jspawnhelper", "jexec", "the loader");
  }

  @Test
  void itsUserIsNobodyElse() throws IOException {
    assertThat(Files.readAllLines(image.resolve("etc/passwd")))
        .containsExactly("exeat:x:64001:64001::/tmp:/nonexistent");
    assertThat(Files.getAttribute(image.resolve("tmp"), "unix:mode"))
        .isEqualTo(0041777); // a folder, 1777
    Path state = image.resolve("var/lib/exeat");
    assertThat(Files.getAttribute(state, "unix:mode")).isEqualTo(0040700);
    if (OtherUser.isRoot()) {
      assertThat(Files.getAttribute(state, "unix:uid")).isEqualTo(64001);
    }
  }

  /** As all classes that are there name others, whether or not they are ever loaded. */
  @Test
  void javasModulesAreThoseThatAreReferredTo() throws Exception {
    Set<String> referred = new TreeSet<>();
    Map<String, String> modules = new HashMap<>();
    for (ModuleReference each : ModuleFinder.ofSystem().findAll()) {
      each.descriptor().packages().forEach(it -> modules.put(it, each.descriptor().name()));
    }
    for (Path jar : jars()) {
      for (String type : referred(jar)) {
        int end = type.lastIndexOf('/');
        String module = end < 0 ? null : modules.get(type.substring(0, end).replace('/', '.'));
        if (module != null) {
          referred.add(module);
        }
      }
    }
    assertThat(referred).containsAll(LEFT_OUT);
    referred.removeAll(LEFT_OUT);

    assertThat(runtime()).isEqualTo(withTheirOwn(referred));
  }

  private static Set<String> runtime() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(image.resolve("opt/exeat/jre/bin/java").toString(), "--list-modules");
    return run(builder, 0)
        .lines()
        .map(it -> it.replaceFirst("@.*", ""))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> withTheirOwn(Set<String> modules) {
    Set<String> all = new TreeSet<>();
    List<String> todo = new ArrayList<>(modules);
    while (!todo.isEmpty()) {
      String next = todo.removeLast();
      if (all.add(next)) {
        ModuleFinder.ofSystem().find(next).orElseThrow().descriptor().requires().stream()
            .filter(it -> !it.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
            .forEach(it -> todo.add(it.name()));
      }
    }
    return all;
  }

  private static Set<String> referred(Path jar) throws IOException {
    Set<String> types = new TreeSet<>();
    try (JarFile file = new JarFile(jar.toFile())) {
      for (ZipEntry entry : file.stream().toList()) {
        if (entry.getName().endsWith(".class") && !entry.getName().endsWith("-info.class")) {
          try (InputStream in = file.getInputStream(entry)) {
            for (PoolEntry each : ClassFile.of().parse(in.readAllBytes()).constantPool()) {
              if (each instanceof ClassEntry type) {
                types.add(type.asInternalName().replaceFirst("^\\[+L?", ""));
              }
            }
          }
        }
      }
    }
    return types;
  }

  private static List<Path> jars() throws IOException {
    try (Stream<Path> lib = Files.list(image.resolve("opt/exeat/lib"))) {
      return Stream.concat(Stream.of(image.resolve("opt/exeat/exeat.jar")), lib).toList();
    }
  }

  /** Without which a start takes twice as long. */
  @Test
  void itStartsAtTheRootWithItsCacheOfClassesAsItsUser() throws Exception {
    assumeTrue(OtherUser.isRoot(), "only root can change the root");
    List<String> words = new ArrayList<>(List.of("/opt/exeat/jre/bin/java", "-XX:AOTMode=on"));
    words.add("-Xlog:class+load:file=/tmp/loads");
    for (String option : Files.readAllLines(image.resolve("opt/exeat/options"))) {
      if (!option.startsWith("-Xlog")) {
        words.add(option);
      }
    }
    words.add("version");

    assertThat(run(atTheRoot(words), 0)).startsWith("exeat ");
    Path loads = image.resolve("tmp/loads");
    assertThat(Files.getAttribute(loads, "unix:uid")).isEqualTo(64001);
    assertThat(Files.readAllLines(loads))
        .anyMatch(it -> it.matches(".*io\\.exeat\\.app\\.Main source: shared objects file.*"))
        .noneMatch(it -> it.matches(".* io\\.exeat\\..* source: file:.*"));
  }

  private static ProcessBuilder atTheRoot(List<String> words) throws IOException {
    Path proc = Files.createDirectories(image.resolve("proc"));
    List<String> command =
        new ArrayList<>(
            List.of(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "mount --bind /proc \"$0\" && exec chroot --userspec=64001:64001 \"$@\"",
                proc.toString(),
                image.toString()));
    command.addAll(words);
    return new ProcessBuilder(command);
  }

  /**
   * A broker opens its doors, its journal and its policies, and is asked, with nothing to write to
   * but a {@code /tmp} that allows no programs.
   */
  @Test
  void itServesFromARootThatIsReadOnly() throws Exception {
    assumeTrue(OtherUser.isRoot(), "only root can change the root");
    for (String folder : List.of("proc", "dev")) {
      Files.createDirectories(image.resolve(folder));
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                "unshare",
                "--mount",
                "sh",
                "-euc",
                """
                mount --bind "$0" "$0"
                mount --bind /proc "$0/proc"
                mount --bind /dev "$0/dev"
                mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs "$0/tmp"
                mount -o remount,bind,ro "$0"
                ! touch "$0/var/lib/exeat/written"
                cp /bin/true "$0/tmp/program"
                ! "$0/tmp/program"
                exec chroot --userspec=64001:64001 "$0" "$@"
                """,
                image.toString()));
    command.add("/opt/exeat/jre/bin/java");
    command.addAll(Files.readAllLines(image.resolve("opt/exeat/options")));
    command.add("rehearse");
    ProcessBuilder builder = new ProcessBuilder(command);
    builder
        .environment()
        .put("CEDAR_JAVA_FFI_LIB", "/opt/exeat/native/libcedar_java_ffi.so"); // as the image has it

    assertThat(run(builder, 0))
        .contains("Read-only file system", "Permission denied") // of what was tried before
        .contains("{\"sound\":true,\"records\":"); // its audit chain, written and read
  }

  /** The list in the image, made by {@code ./mvnw verify} and completed when it was laid out. */
  @Test
  void itsSbomNamesWhatItHolds() throws Exception {
    Path list = image.resolve("opt/exeat/sbom.cdx.json");
    assertThat(list).as("of broker/target/exeat.cdx.json, which ./mvnw verify makes").exists();
    JsonNode sbom = JSON.readTree(list.toFile());
    List<String> jars = new ArrayList<>();
    Map<String, String> digests = new HashMap<>();
    Map<String, String> versions = new HashMap<>();
    for (JsonNode each : sbom.path("components")) {
      String reference = each.path("bom-ref").asText();
      assertThat(versions.put(reference, each.path("version").asText())).as(reference).isNull();
      switch (each.path("type").asText()) {
        case "library" -> jars.add(jar(each));
        case "file" ->
            digests.put(each.path("name").asText(), each.at("/hashes/0/content").asText());
        default -> assertThat(reference).isEqualTo("jre");
      }
    }

    assertThat(sbom.path("bomFormat").asText()).isEqualTo("CycloneDX");
    assertThat(sbom.path("specVersion").asText()).isEqualTo("1.6");
    assertThat(sbom.at("/metadata/component/name").asText()).isEqualTo("exeat-broker");
    // The list is for both processors; of Netty's library for the other one the image has none.
    assertThat(jars)
        .filteredOn(it -> !it.contains("-native-epoll-") || it.contains(netty()))
        .containsExactlyInAnyOrderElementsOf(names(image.resolve("opt/exeat/lib")));
    assertThat(run(new ProcessBuilder(image.resolve("opt/exeat/jre/bin/java") + "", "-version"), 0))
        .contains("(build " + versions.getOrDefault("jre", "none"));
    Map<String, String> libraries = new HashMap<>();
    for (Path file : files()) {
      String name = "/" + image.relativize(file);
      if (name.matches("(/usr)?/lib(64)?/.*")) {
        libraries.put(name, sha256(file));
      }
    }
    assertThat(digests).isEqualTo(libraries);
    assertThat(versions.get("file:libc.so.6"))
        .startsWith(run(new ProcessBuilder("getconf", "GNU_LIBC_VERSION"), 0).strip().substring(6));
  }

  private static String netty() {
    return System.getProperty("os.arch").equals("aarch64") ? "aarch_64" : "x86_64";
  }

  /** The file that a component of Maven's is in. */
  private static String jar(JsonNode component) {
    Matcher classifier =
        Pattern.compile("[?&]classifier=([^&]*)").matcher(component.path("purl").asText());
    return component.path("name").asText()
        + "-"
        + component.path("version").asText()
        + (classifier.find() ? "-" + classifier.group(1) : "")
        + ".jar";
  }

  private static String sha256(Path file) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
  }

  /** One is made of the other's files, and what else they say is the same. */
  @Test
  void dockersImageAndJibsAreAlike() throws IOException {
    String docker = Files.readString(Packaged.root().resolve("deploy/Dockerfile"));
    String jib = Files.readString(Packaged.root().resolve("broker/pom.xml"));

    assertThat(docker)
        .contains("FROM scratch\nCOPY --from=build /image /\nUSER 64001:64001\nWORKDIR /tmp\n")
        .contains(
            "ENTRYPOINT [\"/opt/exeat/jre/bin/java\", \"@/opt/exeat/options\"]\nCMD [\"run\"]")
        .contains(
            "ENV MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.tcache_count=127"
                + " CEDAR_JAVA_FFI_LIB=/opt/exeat/native/libcedar_java_ffi.so\n");
    assertThat(jib)
        .contains("<image>scratch</image>", "<user>64001:64001</user>")
        .contains("<workingDirectory>/tmp</workingDirectory>", "<arg>run</arg>")
        .containsPattern(
            "<entrypoint>\\s+<part>/opt/exeat/jre/bin/java</part>\\s+<part>@/opt/exeat/options</part>\\s+</entrypoint>")
        .contains("<MALLOC_ARENA_MAX>1</MALLOC_ARENA_MAX>")
        .contains("<GLIBC_TUNABLES>glibc.malloc.tcache_count=127</GLIBC_TUNABLES>")
        .contains("_LIB>/opt/exeat/native/libcedar_java_ffi.so</CEDAR_JAVA_FFI_LIB>");
  }

  private static List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(image)) {
      return all.filter(it -> Files.isRegularFile(it, LinkOption.NOFOLLOW_LINKS))
          .filter(it -> !it.startsWith(image.resolve("tmp")))
          .toList();
    }
  }

  private static List<String> names(Path of) throws IOException {
    try (Stream<Path> all = Files.list(of)) {
      return all.map(it -> it.getFileName().toString()).toList();
    }
  }

  private static String run(ProcessBuilder builder, int status) throws Exception {
    Path said = Files.createTempFile(folder, "said", "");
    Process process = builder.redirectErrorStream(true).redirectOutput(said.toFile()).start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
      assertThat(process.exitValue()).as(() -> text(said)).isEqualTo(status);
      return text(said);
    } finally {
      process.destroyForcibly();
    }
  }

  private static String text(Path said) {
    try {
      return Files.readString(said);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
