package dev.ablation.checkpoint;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.net.URISyntaxException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CheckpointFileTest {
  @Test
  void refusesAFormatThatArraysCannotHold() throws URISyntaxException {
    Path file =
        Path.of(
            CheckpointFileTest.class
                .getResource("/damaged/checkpoint-of-unsigned-integers.safetensors")
                .toURI());
    assertThatExceptionOfType(DamagedCheckpointException.class)
        .isThrownBy(() -> CheckpointFile.open(file))
        .withMessageStartingWith(file + ": '")
        .withMessageContaining("cannot be U32");
  }
}
