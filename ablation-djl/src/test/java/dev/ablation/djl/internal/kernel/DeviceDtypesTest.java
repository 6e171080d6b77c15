package dev.ablation.djl.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceDtypesTest {

  @Test
  void aFormatThatTheProcessorLacksIsNamed() {
    List<String> flags = List.of("fpu", "avx512f", "avx512_bf16");
    assertThat(DeviceDtypes.lack("bfloat16", flags)).isEmpty();
    assertThat(DeviceDtypes.lack("float16", flags))
        .hasValueSatisfying(
            lack -> assertThat(lack).startsWith("float16 needs").contains("avx512_fp16"));
    assertThat(DeviceDtypes.lack("bfloat16", List.of("fpu")))
        .hasValueSatisfying(lack -> assertThat(lack).startsWith("bfloat16 needs"));
    assertThat(DeviceDtypes.lack("float16", List.of("fp", "asimdhp"))).as("Arm").isEmpty();
  }

  @Test
  void aSystemThatDoesNotTellIsTrusted() {
    assertThat(DeviceDtypes.lack("bfloat16", List.of())).isEmpty();
    assertThat(DeviceDtypes.lack("float32", Device.cpu())).isEmpty();
  }
}
