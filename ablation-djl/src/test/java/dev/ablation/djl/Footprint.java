package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a failed call must not leave behind: arrays of the engine, open files. */
record Footprint(int arrays, List<String> openFiles) {
  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

  /** Counts what is there now, with the files that are open below a folder. */
  static Footprint of(Path folder) throws IOException {
    int arrays;
    try (NDManager manager = Engine.getEngine("PyTorch").newBaseManager()) {
      arrays = manager.getParentManager().getManagedArrays().size();
    }
    return new Footprint(arrays, openFiles(folder));
  }

  /** Open files below a folder where the system lists them; elsewhere none. */
  private static List<String> openFiles(Path folder) throws IOException {
    List<String> open = new ArrayList<>();
    if (Files.isDirectory(DESCRIPTORS)) {
      try (Stream<Path> descriptors = Files.list(DESCRIPTORS)) {
        for (Path descriptor : descriptors.toList()) {
          try {
            Path file = Files.readSymbolicLink(descriptor);
            if (file.startsWith(folder.toRealPath())) {
              open.add(file.toString());
            }
          } catch (IOException e) {
            continue; // closed meanwhile, such as the one of this listing
          }
        }
      }
    }
    return open;
  }

  /** Fails unless everything is as it was. */
  void check(Path folder) throws IOException {
    assertThat(of(folder)).as("arrays and open files").isEqualTo(this);
  }
}
