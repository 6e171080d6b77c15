package dev.ablation.djl.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The environment of huggingface_hub. */
class HubSettingsTest {
  @TempDir Path home;

  private HubSettings of(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return HubSettings.of(environment, home);
  }

  @Test
  void theCacheIsWherePythonHasIt() {
    assertThat(of().cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(of("XDG_CACHE_HOME", "/x").cache()).isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(of("XDG_CACHE_HOME", "/x", "HF_HOME", "~/hf").cache())
        .isEqualTo(home.resolve("hf/hub"));
    assertThat(of("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "/old").cache())
        .isEqualTo(Path.of("/old"));
    assertThat(of("HUGGINGFACE_HUB_CACHE", "/old", "HF_HUB_CACHE", "$DISK/${SUB}/$NONE").cache())
        .isEqualTo(Path.of("$DISK/${SUB}/$NONE"));
    assertThat(of("HF_HUB_CACHE", "$DISK/${SUB}", "DISK", "/d", "SUB", "s").cache())
        .isEqualTo(Path.of("/d/s"));
    assertThat(of("HF_HUB_CACHE", " ").cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
  }

  @Test
  void theTokenIsFoundWherePythonHasIt() throws IOException {
    assertThat(of().token()).isNull();
    Path file = home.resolve(".cache/huggingface/token");
    Files.createDirectories(file.getParent());
    Files.writeString(file, " hf_file\r\n");
    assertThat(of().token()).isEqualTo("hf_file");
    assertThat(of("HUGGING_FACE_HUB_TOKEN", "hf_old").token()).isEqualTo("hf_old");
    assertThat(of("HUGGING_FACE_HUB_TOKEN", "hf_old", "HF_TOKEN", " hf_new\n").token())
        .isEqualTo("hf_new");
    assertThat(of("HF_TOKEN", "hf_new", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1").token()).isNull();
    Path other = Files.writeString(home.resolve("other"), "hf_other");
    assertThat(of("HF_TOKEN_PATH", other.toString()).token()).isEqualTo("hf_other");
    Files.write(other, new byte[] {(byte) 0xff, 'x'});
    assertThatThrownBy(() -> of("HF_TOKEN_PATH", other.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(other.toString());
    assertThatThrownBy(() -> of("HF_TOKEN", "two words"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("HF_TOKEN")
        .hasMessageNotContaining("words without")
        .hasMessageNotContaining("two");
  }

  @Test
  void switchesAreRead() {
    assertThat(of().offline()).isFalse();
    for (String name : new String[] {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
      for (String value : new String[] {"1", "ON", "yes", "True"}) {
        assertThat(of(name, value).offline()).isTrue();
      }
      assertThat(of(name, "0").offline()).isFalse();
    }
    assertThat(of().symlinks()).isTrue();
    assertThat(of("HF_HUB_DISABLE_SYMLINKS", "true").symlinks()).isFalse();
    assertThat(of().timeout()).isEqualTo(Duration.ofSeconds(10));
    assertThat(of("HF_HUB_DOWNLOAD_TIMEOUT", "90").timeout()).isEqualTo(Duration.ofSeconds(90));
    assertThatThrownBy(() -> of("HF_HUB_DOWNLOAD_TIMEOUT", "-1"))
        .hasMessageContaining("HF_HUB_DOWNLOAD_TIMEOUT");
  }

  @Test
  void theEndpointIsRead() {
    assertThat(of().endpoint()).hasToString("https://huggingface.co");
    assertThat(of("HF_ENDPOINT", "https://mirror.example/hub//").endpoint())
        .hasToString("https://mirror.example/hub");
    assertThatThrownBy(() -> of("HF_ENDPOINT", "mirror")).hasMessageContaining("HF_ENDPOINT");
  }
}
