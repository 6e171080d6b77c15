package dev.ablation.djl.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.doctor.NativeSource.Kind;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the doctor says of settings that are wrong, and that it survives them. */
class NativeDoctorTest {
  private static final Machine LINUX =
      new Machine("linux-x86_64", "glibc 2.36", "", 2, List.of("avx2"), 1L << 34);

  @TempDir private Path folder;

  private final Map<String, String> environment = new HashMap<>(System.getenv());
  private final Properties properties = new Properties();

  NativeDoctorTest() {
    properties.putAll(System.getProperties());
    environment.keySet().removeIf(name -> name.startsWith("PYTORCH_") || name.contains("CACHE_DIR"));
    environment.remove("DJL_OFFLINE");
    properties.remove("ai.djl.offline");
  }

  private Diagnosis settings(Machine machine, ClassLoader loader) {
    return NativeDoctor.examine(new Surroundings(environment, properties, loader), machine, false);
  }

  private Diagnosis settings() {
    return settings(LINUX, getClass().getClassLoader());
  }

  private Diagnosis loaded() {
    return NativeDoctor.examine(
        new Surroundings(environment, properties, getClass().getClassLoader()),
        MachineFacts.read(),
        true);
  }

  /** The class path without a native jar: JNI bindings alone. */
  private ClassLoader withoutNatives() throws IOException {
    Path jni = folder.resolve("classes/jnilib");
    Path bindings = Files.createDirectories(jni.resolve("linux-x86_64/cpu"));
    Files.createFile(bindings.resolve("libdjl_torch.so"));
    Files.writeString(jni.resolve("pytorch.properties"), "jni_version=2.7.1-0.35.1");
    return new URLClassLoader(
        new URL[] {folder.resolve("classes/").toUri().toURL()},
        ClassLoader.getPlatformClassLoader());
  }

  private static void assertFinding(Diagnosis found, String problem, String remedy) {
    assertThat(found.findings())
        .as(found.toString())
        .anySatisfy(each -> {
          assertThat(each.problem()).contains(problem);
          assertThat(each.remedy()).contains(remedy);
        });
    assertThat(found.toString()).contains(problem).contains(remedy);
  }

  @Test
  void whatWorksIsLoadedInAnotherProcess() {
    Diagnosis found = loaded();
    assertThat(found.healthy()).as(found.toString()).isTrue();
    LoadedTorch torch = found.loaded().orElseThrow();
    assertThat(torch.version()).isNotEmpty();
    assertThat(Path.of(torch.folder())).isDirectory();
    assertThat(torch.tokenizers()).isTrue();
    assertThat(torch.devices().get(0).name()).isEqualTo("cpu");
    JsonObject json = JsonParser.parseString(found.toJson()).getAsJsonObject();
    assertThat(json.get("healthy").getAsBoolean()).isTrue();
    assertThat(json.getAsJsonObject("loaded").get("version").getAsString())
        .isEqualTo(torch.version());
    assertThat(json.get("offline").getAsBoolean()).as("as the library sets it").isTrue();
  }

  /** A library that is none would end, or at least break, the process that loads it. */
  @Test
  void aBrokenLibraryIsExplained() throws IOException {
    Files.writeString(folder.resolve("libtorch.so"), "no library");
    Files.writeString(folder.resolve("libtorch_cpu.so"), "no library");
    environment.put("PYTORCH_LIBRARY_PATH", folder.toString());
    environment.put("PYTORCH_FLAVOR", "cpu");
    environment.put("ENGINE_CACHE_DIR", folder.resolve("cache").toString());
    if (!LINUX.system().equals(MachineFacts.read().system())) {
      return; // the names of libraries are Linux's
    }
    Diagnosis found = loaded();
    assertThat(found.healthy()).isFalse();
    assertThat(found.loaded()).isEmpty();
    assertThat(found.source().kind()).isEqualTo(Kind.FOLDER);
    assertFinding(found, "libtorch_cpu.so", "damaged or of another system");
  }

  @Test
  void theFolderOfALibraryNeedsItsFlavour() throws IOException {
    properties.setProperty("PYTORCH_LIBRARY_PATH", folder.toString());
    assertFinding(settings(), "the system property PYTORCH_LIBRARY_PATH names", "unset it");
    assertThat(settings().source().kind()).isEqualTo(Kind.CLASS_PATH);
    Files.createFile(folder.resolve("libtorch.so"));
    assertFinding(settings(), "PYTORCH_FLAVOR is not", "set PYTORCH_FLAVOR=cpu");
    Files.createFile(folder.resolve("libtorch_cuda.so"));
    assertFinding(settings(), "PYTORCH_FLAVOR is not", "set PYTORCH_FLAVOR=cu128");
    environment.put("PYTORCH_FLAVOR", "cpu");
    assertFinding(settings(), "holds a libtorch for CUDA", "set PYTORCH_FLAVOR=cu128");
    environment.put("PYTORCH_FLAVOR", "cu999");
    assertFinding(settings(), "'cu999', for which there are no JNI bindings", "cpu, cu128");
    environment.put("PYTORCH_FLAVOR", "cu128");
    assertThat(settings().healthy()).as(settings().toString()).isTrue();
  }

  @Test
  void aFlavourThatTheClassPathHasNotIsNoted() {
    environment.put("PYTORCH_FLAVOR", "cu128");
    assertFinding(settings(), "the library of the class path is for 'cpu'", "unset PYTORCH_FLAVOR");
    assertThat(settings().healthy()).isTrue();
  }

  @Test
  void withoutALibraryItSaysWhatWouldBeDownloaded() throws IOException {
    environment.put("DJL_CACHE_DIR", folder.resolve("cache").toString());
    ClassLoader bare = withoutNatives();
    Diagnosis off = settings(LINUX, bare);
    assertThat(off.source().kind()).isEqualTo(Kind.NONE);
    assertThat(off.download()).isEmpty();
    assertFinding(off, "downloads are off", "pytorch-native-cpu:2.7.1 with the classifier linux-x86_64");
    assertFinding(off, "downloads are off", "-Dai.djl.offline=false");
    properties.setProperty("ai.djl.offline", "false");
    Diagnosis on = settings(LINUX, bare);
    assertThat(on.offline()).isFalse();
    assertThat(on.download()).hasValue("https://publish.djl.ai/pytorch/2.7.1/");
    assertThat(on.healthy()).isTrue();
    Files.createDirectories(folder.resolve("cache/pytorch/2.7.1-cpu-linux-x86_64"));
    assertThat(settings(LINUX, bare).source().kind()).isEqualTo(Kind.CACHE);
  }

  @Test
  void aCacheFolderThatCannotBeMadeIsNamed() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    environment.put("ENGINE_CACHE_DIR", file.resolve("cache").toString());
    Diagnosis found = settings();
    assertThat(found.cache().setBy()).isEqualTo("ENGINE_CACHE_DIR");
    assertThat(found.cache().writable()).isFalse();
    assertFinding(found, "cannot be made or written", "set ENGINE_CACHE_DIR to a folder");
  }

  @Test
  void anotherSystemIsNamed() throws IOException {
    ClassLoader bare = withoutNatives();
    Machine alpine = new Machine("linux-x86_64", "musl", "", 2, List.of("avx2"), 1L << 34);
    assertFinding(settings(alpine, bare), "musl (Alpine)", "an image with glibc");
    Machine old = new Machine("linux-x86_64", "glibc 2.17", "", 2, List.of("avx"), 1L << 34);
    assertFinding(settings(old, bare), "glibc 2.17 is older than", "Ubuntu 22.04");
    assertFinding(settings(old, bare), "no AVX2", "pass the host's processor through");
    Machine intelMac = new Machine("osx-x86_64", "", "", 4, List.of(), 1L << 34);
    assertFinding(settings(intelMac, bare), "no JNI bindings for osx-x86_64", "win-x86_64");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "libc.so.6: version `GLIBC_2.34' not found | glibc 2.34 or newer",
        "version `GLIBCXX_3.4.29' not found | LIBSTDCXX_LIBRARY_PATH",
        "Resource not found in classpath: jnilib/linux-x86_64/cpu-precxx11/libdjl_torch.so | PYTORCH_FLAVOR=cpu",
        "libgomp.so.1: cannot open shared object file | libgomp1",
        "failed to map segment from shared object | ENGINE_CACHE_DIR",
        "Failed to extract PyTorch native library; Read-only file system | ENGINE_CACHE_DIR",
        "IOException: Offline model is enabled | -Dai.djl.offline=false",
        "anything else | docs/native-libraries.md",
      })
  void everyKnownFailureHasARemedy(String failure, String remedy) {
    CacheFolder cache = new CacheFolder(folder, "user.home", true, true, 1);
    assertThat(NativeDoctor.explain(failure, cache).remedy()).contains(remedy);
  }

  @Test
  void aCrashIsToldWithWhereItWas() {
    List<String> lines =
        List.of(LoadProbe.STAGE + "loading PyTorch", LoadProbe.STAGE + "computing on the CPU");
    ProbeProcess.Outcome ill = ProbeProcess.outcome(lines, 132);
    assertThat(ill.failure())
        .isEqualTo(
            "the process crashed while computing on the CPU: an illegal instruction (SIGILL)");
    CacheFolder cache = new CacheFolder(folder, "user.home", true, true, 1);
    assertThat(NativeDoctor.explain(ill.failure(), cache).remedy()).contains("another processor");
    assertThat(ProbeProcess.outcome(lines, 139).failure()).contains("SIGSEGV");
    assertThat(ProbeProcess.outcome(lines, 137).failure()).contains("lack of memory");
    ProbeProcess.Outcome never = ProbeProcess.outcome(List.of("Error: no main class"), 1);
    assertThat(never.started()).isFalse();
    assertThat(never.failure()).contains("no main class");
  }

  @Test
  void systemsAndInstructionSetsAreNamedAsTheArtifactsDo() {
    assertThat(MachineFacts.system("Linux", "amd64")).isEqualTo("linux-x86_64");
    assertThat(MachineFacts.system("Mac OS X", "aarch64")).isEqualTo("osx-aarch64");
    assertThat(MachineFacts.system("Windows 11", "amd64")).isEqualTo("win-x86_64");
    assertThat(MachineFacts.sets("fpu avx2 fma sse")).containsExactly("fma", "avx2");
  }
}
