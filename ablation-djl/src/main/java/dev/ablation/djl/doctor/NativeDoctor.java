package dev.ablation.djl.doctor;

import dev.ablation.djl.doctor.NativeSource.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says which libtorch is loaded from where, on what it computes, what would be downloaded, and
 * which setting mends what is wrong. It reads settings and files; to load the library it starts
 * another process, so that a library that does not fit cannot end this one.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="doctor"}
 */
public final class NativeDoctor {
  private static final String LIBRARY_PATH = "PYTORCH_LIBRARY_PATH";
  private static final String FLAVOUR = "PYTORCH_FLAVOR";
  private static final String VERSION = "PYTORCH_VERSION";
  private static final String CACHE = "ENGINE_CACHE_DIR";
  private static final String ALL_CACHE = "DJL_CACHE_DIR";
  private static final String NATIVES = "native/lib/pytorch.properties";
  private static final String DOWNLOADS = "https://publish.djl.ai/pytorch/";
  private static final List<String> OFFLINE = List.of("DJL_OFFLINE", "ai.djl.offline", "offline");
  private static final List<String> KNOWN = List.of("cpu", "cpu-precxx11", "cu124", "cu128");
  private static final Pattern GLIBC = Pattern.compile("glibc (\\d+)\\.(\\d+)");
  private static final Path NVIDIA = Path.of("/proc/driver/nvidia/version");

  /** What the tokenizers' library of DJL 0.35 asks for; libtorch asks for 2.29. */
  private static final int NEEDED_GLIBC = 34;

  /** What libtorch takes unpacked, and some room. */
  private static final long NEEDED_BYTES = 600L << 20;

  private final Surroundings around;
  private final Machine machine;
  private final List<Finding> findings = new ArrayList<>();

  private NativeDoctor(Surroundings around, Machine machine) {
    this.around = around;
    this.machine = machine;
  }

  /**
   * Examines the settings of this process, and loads the library in another one that has them too.
   * The library may be unpacked into the cache folder, and downloaded if that is allowed.
   *
   * @return what was found
   */
  public static Diagnosis examine() {
    return examine(Surroundings.ofThisProcess(), MachineFacts.read(), true);
  }

  /**
   * Examines the settings of this process. Nothing is loaded, unpacked or downloaded.
   *
   * @return what was found
   */
  public static Diagnosis examineSettings() {
    return examine(Surroundings.ofThisProcess(), MachineFacts.read(), false);
  }

  static Diagnosis examine(Surroundings around, Machine machine, boolean load) {
    return new NativeDoctor(around, machine).diagnosis(load);
  }

  private Diagnosis diagnosis(boolean load) {
    boolean offline = isOffline();
    libc();
    processor();
    List<String> bindings = bindings();
    Map<String, Properties> jars = jars();
    CacheFolder cache = cache(jars);
    NativeSource source = source(bindings, jars, cache, offline);
    flavour(source);
    cache(cache, source);
    gpu(source);
    Optional<LoadedTorch> loaded = Optional.empty();
    if (load && source.kind() != Kind.NONE) {
      ProbeProcess.Outcome outcome = ProbeProcess.run(around);
      loaded = outcome.loaded();
      if (!outcome.failure().isEmpty()) {
        findings.add(failure(outcome, cache));
      }
    }
    return new Diagnosis(machine, source, cache, offline, loaded, findings);
  }

  private boolean isOffline() {
    for (String name : OFFLINE) {
      Optional<String> value = around.setting(name);
      if (value.isPresent()) {
        return Boolean.parseBoolean(value.get());
      }
    }
    return true; // as the library sets it
  }

  private void libc() {
    if (machine.libc().equals("musl")) {
      findings.add(
          Finding.problem(
              "the system's C library is musl (Alpine), for which there is no libtorch",
              "use an image with glibc 2.%d or newer, such as debian:12 or ubuntu:22.04"
                  .formatted(NEEDED_GLIBC)));
    }
    Matcher glibc = GLIBC.matcher(machine.libc());
    if (glibc.matches()
        && Integer.parseInt(glibc.group(1)) == 2
        && Integer.parseInt(glibc.group(2)) < NEEDED_GLIBC) {
      findings.add(
          Finding.problem(
              "%s is older than 2.%d, which the native libraries need"
                  .formatted(machine.libc(), NEEDED_GLIBC),
              "use a system with glibc 2.%d or newer (Debian 12, Ubuntu 22.04, RHEL 9), or set %s to"
                      .formatted(NEEDED_GLIBC, LIBRARY_PATH)
                  + " a libtorch built for this one"));
    }
  }

  private void processor() {
    List<String> sets = machine.instructionSets();
    if (machine.system().endsWith("x86_64") && !sets.isEmpty() && !sets.contains("avx2")) {
      findings.add(
          Finding.warning(
              "the processor has no AVX2, without which libtorch computes several times slower",
              "use another processor; in a virtual machine, pass the host's processor through"));
    }
  }

  /** The flavours for which the class path has JNI bindings for this system. */
  private List<String> bindings() {
    String library = library("djl_torch");
    TreeSet<String> asked = new TreeSet<>(KNOWN);
    around.setting(FLAVOUR).ifPresent(asked::add);
    List<String> found =
        asked.stream()
            .filter(flavour ->
                around.hasResource("jnilib/%s/%s/%s".formatted(machine.system(), flavour, library)))
            .toList();
    if (found.isEmpty()) {
      findings.add(
          Finding.problem(
              "no JNI bindings for %s on the class path".formatted(machine.system()),
              "add the artifact ai.djl.pytorch:pytorch-jni, which ablation-djl depends on; it has"
                  + " bindings for linux-x86_64, linux-aarch64, osx-aarch64 and win-x86_64"));
    }
    return found;
  }

  private Map<String, Properties> jars() {
    try {
      return around.resources(NATIVES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Optional<Map.Entry<String, Properties>> jar(Map<String, Properties> jars) {
    return jars.entrySet().stream()
        .filter(each -> machine.system().equals(each.getValue().getProperty("classifier")))
        .findFirst();
  }

  private NativeSource source(
      List<String> bindings, Map<String, Properties> jars, CacheFolder cache, boolean offline) {
    Optional<NativeSource> folder =
        around.setting(LIBRARY_PATH).flatMap(text -> folder(text, bindings));
    if (folder.isPresent()) {
      return folder.get();
    }
    Optional<Map.Entry<String, Properties>> jar = jar(jars);
    String wanted = around.setting(VERSION).orElse("");
    if (jar.isPresent()) {
      Properties content = jar.get().getValue();
      String version = content.getProperty("version", "").replaceFirst("-.*", "");
      if (wanted.isEmpty() || version.startsWith(wanted)) {
        return new NativeSource(
            Kind.CLASS_PATH,
            name(jar.get().getKey()),
            version,
            content.getProperty("flavor", ""),
            bindings);
      }
    }
    String version = wanted.isEmpty() ? engineVersion() : wanted;
    String flavour = around.setting(FLAVOUR).orElse("");
    Optional<Path> downloaded = downloaded(cache, version, flavour);
    if (downloaded.isPresent()) {
      return new NativeSource(Kind.CACHE, downloaded.get().toString(), version, flavour, bindings);
    }
    if (!offline) {
      return new NativeSource(Kind.DOWNLOAD, DOWNLOADS + version + "/", version, flavour, bindings);
    }
    findings.add(nothingHere(jars, version));
    return new NativeSource(Kind.NONE, "", version, flavour, bindings);
  }

  private Finding nothingHere(Map<String, Properties> jars, String version) {
    String others =
        jars.isEmpty()
            ? ""
            : " (there are jars for %s)"
                .formatted(
                    jars.values().stream().map(each -> each.getProperty("classifier")).toList());
    return Finding.problem(
        "no libtorch %s for %s: none on the class path%s, none in the cache, and downloads are off"
            .formatted(version, machine.system(), others),
        "add ai.djl.pytorch:pytorch-native-cpu:%s with the classifier %s, or set %s to the lib folder"
                .formatted(version, machine.system(), LIBRARY_PATH)
            + " of a libtorch and %s to cpu or cu128, or allow the download with -Dai.djl.offline=false"
                .formatted(FLAVOUR));
  }

  /** DJL takes a folder that has the library, and goes on without a word where it has not. */
  private Optional<NativeSource> folder(String text, List<String> bindings) {
    Path folder = Path.of(text);
    List<String> files = Surroundings.files(folder);
    String library = library("torch");
    if (!files.contains(library)) {
      findings.add(
          Finding.warning(
              "%s names %s, which %s, so that DJL ignores it"
                  .formatted(
                      around.origin(LIBRARY_PATH),
                      folder,
                      Files.isDirectory(folder) ? "has no " + library : "is no folder"),
              "set %s to the folder lib of a libtorch, or unset it to use the one of the class path"
                  .formatted(LIBRARY_PATH)));
      return Optional.empty();
    }
    boolean cuda = files.stream().anyMatch(name -> name.contains("torch_cuda"));
    String usual = cuda ? "cu128" : "cpu";
    Optional<String> flavour = around.setting(FLAVOUR);
    boolean own = files.contains(library("djl_torch"));
    if (flavour.isEmpty() && !own) {
      findings.add(
          Finding.problem(
              "%s is set but %s is not; DJL then guesses a flavour that has no bindings"
                  .formatted(LIBRARY_PATH, FLAVOUR),
              "set %s=%s".formatted(FLAVOUR, usual)));
    }
    if (flavour.isPresent() && cuda != flavour.get().startsWith("cu")) {
      findings.add(
          Finding.problem(
              "%s is '%s', but %s holds a libtorch for %s"
                  .formatted(FLAVOUR, flavour.get(), folder, cuda ? "CUDA" : "the CPU"),
              "set %s=%s".formatted(FLAVOUR, usual)));
    }
    return Optional.of(
        new NativeSource(Kind.FOLDER, folder.toString(), "", flavour.orElse(usual), bindings));
  }

  /** The name of a library's file on this system. */
  private String library(String name) {
    return machine.system().startsWith("win")
        ? name + ".dll"
        : machine.system().startsWith("osx") ? "lib" + name + ".dylib" : "lib" + name + ".so";
  }

  private void flavour(NativeSource source) {
    Optional<String> flavour = around.setting(FLAVOUR);
    if (flavour.isEmpty() || source.flavours().isEmpty()) {
      return;
    }
    boolean used = source.kind() != Kind.CLASS_PATH;
    if (used && !source.flavours().contains(flavour.get())) {
      findings.add(
          Finding.problem(
              "%s is '%s', for which there are no JNI bindings; there are %s"
                  .formatted(FLAVOUR, flavour.get(), source.flavours()),
              "set %s to one of %s".formatted(FLAVOUR, String.join(", ", source.flavours()))));
    }
    if (!used && !flavour.get().equals(source.flavour())) {
      findings.add(
          Finding.warning(
              "%s is '%s', but the library of the class path is for '%s' and is taken"
                  .formatted(FLAVOUR, flavour.get(), source.flavour()),
              "exclude the artifact ai.djl.pytorch:pytorch-native-cpu and set %s, or unset %s"
                  .formatted(LIBRARY_PATH, FLAVOUR)));
    }
  }

  private CacheFolder cache(Map<String, Properties> jars) {
    String setBy = "user.home";
    Path path;
    if (around.setting(CACHE).isPresent()) {
      setBy = CACHE;
      path = Path.of(around.setting(CACHE).get());
    } else if (around.setting(ALL_CACHE).isPresent()) {
      setBy = ALL_CACHE;
      path = Path.of(around.setting(ALL_CACHE).get());
    } else {
      Path home = Path.of(around.properties().getProperty("user.home", ""));
      if (!Files.isWritable(home)) {
        setBy = "java.io.tmpdir";
        home = Path.of(around.properties().getProperty("java.io.tmpdir", ""));
      }
      path = home.resolve(".djl.ai");
    }
    Path torch = path.resolve("pytorch");
    boolean unpacked =
        jar(jars)
            .map(jar ->
                "%s-%s-%s"
                    .formatted(
                        jar.getValue().getProperty("version"),
                        jar.getValue().getProperty("flavor"),
                        machine.system()))
            .map(name -> Files.isDirectory(torch.resolve(name)))
            .orElse(false);
    return new CacheFolder(path, setBy, isWritable(torch), unpacked, free(path));
  }

  /** Whether a folder can be written, or made. */
  private static boolean isWritable(Path folder) {
    Path present = existing(folder);
    return present != null && Files.isDirectory(present) && Files.isWritable(present);
  }

  private static @Nullable Path existing(Path folder) {
    Path each = folder.toAbsolutePath();
    while (each != null && !Files.exists(each)) {
      each = each.getParent();
    }
    return each;
  }

  private static long free(Path folder) {
    Path present = existing(folder);
    try {
      return present == null ? -1 : Files.getFileStore(present).getUsableSpace();
    } catch (IOException e) {
      return -1;
    }
  }

  private void cache(CacheFolder cache, NativeSource source) {
    boolean unpacks =
        source.kind() == Kind.DOWNLOAD || (source.kind() == Kind.CLASS_PATH && !cache.unpacked());
    if (!cache.writable() && (unpacks || source.kind() == Kind.FOLDER)) {
      findings.add(
          Finding.problem(
              "the cache folder %s (by %s) cannot be made or written, but libraries must be unpacked"
                      .formatted(cache.path(), cache.setBy())
                  + " into it",
              "set %s to a folder that can be written, as an environment variable or with -D%s=DIR"
                  .formatted(CACHE, CACHE)));
    }
    if (unpacks && cache.writable() && cache.freeBytes() >= 0 && cache.freeBytes() < NEEDED_BYTES) {
      findings.add(
          Finding.problem(
              "%s has %d MiB free, but libtorch takes %d MiB unpacked"
                  .formatted(cache.path(), cache.freeBytes() >> 20, NEEDED_BYTES >> 20),
              "free space, or set %s to a folder with more".formatted(CACHE)));
    }
  }

  private void gpu(NativeSource source) {
    if (Files.exists(NVIDIA) && source.flavour().startsWith("cpu")) {
      findings.add(
          Finding.warning(
              "there is an NVIDIA GPU, but libtorch is for the CPU alone",
              "set %s to the lib folder of a libtorch for CUDA and %s=cu128 to use the GPU"
                  .formatted(LIBRARY_PATH, FLAVOUR)));
    }
  }

  private String engineVersion() {
    try {
      return around.resources("jnilib/pytorch.properties").values().stream()
          .map(each -> each.getProperty("jni_version", "").replaceFirst("-.*", ""))
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Optional<Path> downloaded(CacheFolder cache, String version, String flavour) {
    Path torch = cache.path().resolve("pytorch");
    String end = "-" + machine.system();
    return Surroundings.files(torch).stream()
        .filter(name -> name.startsWith(version + "-" + flavour) && name.endsWith(end))
        .map(torch::resolve)
        .filter(Files::isDirectory)
        .findFirst();
  }

  private static String name(String text) {
    int end = text.indexOf("!/");
    return end < 0 ? text : text.substring(text.lastIndexOf('/', end) + 1, end);
  }

  private static Finding failure(ProbeProcess.Outcome outcome, CacheFolder cache) {
    if (!outcome.started()) {
      return Finding.warning(
          "whether the library can be loaded was not tried: " + outcome.failure(),
          "start the doctor with the class path as folders and jars, such as by 'ablate doctor'");
    }
    return explain(outcome.failure(), cache);
  }

  /** What mends a failure, by what the engine or the linker said. */
  static Finding explain(String failure, CacheFolder cache) {
    String remedy;
    if (failure.contains("GLIBC_")) {
      remedy =
          "use a system with glibc 2.%d or newer (Debian 12, Ubuntu 22.04, RHEL 9)"
              .formatted(NEEDED_GLIBC);
    } else if (failure.contains("GLIBCXX_") || failure.contains("CXXABI_")) {
      remedy =
          "install a newer libstdc++ (package libstdc++6), or set LIBSTDCXX_LIBRARY_PATH to one";
    } else if (failure.contains("jnilib/")) {
      remedy = "set %s=cpu, or cu128 for CUDA 12.8".formatted(FLAVOUR);
    } else if (failure.contains("cannot open shared object file")) {
      remedy =
          "install the library that is named, or add its folder to LD_LIBRARY_PATH (libgomp.so.1:"
              + " package libgomp1; libcudart, libcublas: CUDA 12.8)";
    } else if (failure.contains("file too short")
        || failure.contains("invalid ELF header")
        || failure.contains("wrong ELF class")
        || failure.contains("not a mach-o file")) {
      remedy =
          "the file is damaged or of another system: in the cache folder %s, delete its folder, and"
                  .formatted(cache.path())
              + " it is unpacked again; elsewhere, get that libtorch again";
    } else if (failure.contains("failed to map segment")) {
      remedy =
          "%s is mounted without permission to execute; set %s to another folder"
              .formatted(cache.path(), CACHE);
    } else if (failure.contains("Read-only file system")
        || failure.contains("AccessDenied")
        || failure.contains("No space left")
        || failure.contains("Failed to extract")
        || failure.contains("Cannot copy jni files")) {
      remedy = "set %s to a folder that can be written and has room".formatted(CACHE);
    } else if (failure.toLowerCase(Locale.ROOT).contains("offline")
        || failure.contains("UnknownHostException")
        || failure.contains("ConnectException")) {
      remedy =
          "add ai.djl.pytorch:pytorch-native-cpu with the classifier of this system, or allow the"
              + " download with -Dai.djl.offline=false and a connection to publish.djl.ai";
    } else if (failure.contains("SIGILL")) {
      remedy =
          "the processor lacks instructions of the library: use another processor, or set %s to a"
                  .formatted(LIBRARY_PATH)
              + " libtorch built for it";
    } else if (failure.contains("SIGKILL")) {
      remedy = "give the process or the container more memory";
    } else if (failure.contains("crashed")) {
      remedy =
          "the library and its bindings do not fit each other: unset %s, %s and %s, or set them to"
                  .formatted(LIBRARY_PATH, FLAVOUR, VERSION)
              + " one and the same build";
    } else {
      remedy =
          "compare the settings with docs/native-libraries.md; unset %s, %s and %s to use the library"
                  .formatted(LIBRARY_PATH, FLAVOUR, VERSION)
              + " of the class path";
    }
    return Finding.problem("the library could not be used: " + failure, remedy);
  }
}
