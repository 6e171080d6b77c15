package dev.ablation.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the example of Spark, in a JVM beside that of the others. */
class RemoveAListTest {
  @TempDir private Path folder;

  @Test
  void removesAList() throws Exception {
    assertThat(ExampleRun.of(RemoveAList::main, folder))
        .contains("TR-2043 [UA >= 95", "TR-2044", "summary.html");
    assertThat(folder.resolve("takedowns/table.csv")).content().contains("TR-2044,rocket");
    assertThat(folder.resolve("takedowns/table.parquet")).isDirectory();
  }
}
