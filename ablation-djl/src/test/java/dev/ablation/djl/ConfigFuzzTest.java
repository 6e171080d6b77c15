package dev.ablation.djl;

import dev.ablation.djl.clip.ClipConfig;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipVisionConfig;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The configurations of all networks and schedulers. */
class ConfigFuzzTest extends ReaderFuzz {
  private static final Map<String, Reader> READERS =
      Map.of(
          "unet.json",
          UNetConfig::of,
          "vae.json",
          VaeConfig::of,
          "text_encoder.json",
          ClipTextConfig::of,
          "t5.json",
          T5Config::of,
          "sd3.json",
          SD3TransformerConfig::of,
          "flux.json",
          FluxTransformerConfig::of,
          "scheduler.json",
          json -> SchedulerConfig.of(null, json),
          "clip.json",
          ClipConfig::of,
          "vision.json",
          ClipVisionConfig::of);

  /** Takes a configuration for that of a class. */
  @FunctionalInterface
  private interface Reader {
    Object read(JsonConfig json) throws IOException;
  }

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  private static byte[] pipeline(String root, String file) throws IOException {
    return Files.readAllBytes(Path.of(System.getProperty(root), "pipelines").resolve(file));
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    Map<String, List<byte[]>> seeds = new TreeMap<>();
    for (String name : List.of("unet", "vae", "text_encoder")) {
      seeds.put(
          name + ".json",
          List.of(
              pipeline("ablation.golden", "tiny-sd1/" + name + "/config.json"),
              pipeline("ablation.golden", "tiny-sd2/" + name + "/config.json")));
    }
    Path flows = Path.of(System.getProperty("ablation.golden2"), "pipelines");
    List<byte[]> schedulers = new ArrayList<>();
    schedulers.add(pipeline("ablation.golden", "tiny-sd1/scheduler/scheduler_config.json"));
    try (Stream<Path> files = Files.walk(flows)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        String text =
            file.toString().endsWith("config.json") ? Files.readString(file) : "no configuration";
        if (text.contains("\"SD3Transformer2DModel\"")) {
          seeds.put("sd3.json", List.of(Files.readAllBytes(file)));
        } else if (text.contains("\"FluxTransformer2DModel\"")) {
          seeds.put("flux.json", List.of(Files.readAllBytes(file)));
        } else if (text.contains("\"T5EncoderModel\"")) {
          seeds.put("t5.json", List.of(Files.readAllBytes(file)));
        } else if (file.endsWith("scheduler_config.json")) {
          schedulers.add(Files.readAllBytes(file));
        }
      }
    }
    seeds.put("scheduler.json", schedulers);
    String vision =
        "{\"hidden_size\":32,\"intermediate_size\":64,\"num_hidden_layers\":2,"
            + "\"num_attention_heads\":2,\"image_size\":32,\"patch_size\":8,\"num_channels\":3,"
            + "\"hidden_act\":\"quick_gelu\",\"layer_norm_eps\":1e-5,\"projection_dim\":16}";
    String text = new String(seeds.get("text_encoder.json").get(0), StandardCharsets.UTF_8);
    seeds.put("vision.json", List.of(vision.getBytes(StandardCharsets.UTF_8)));
    seeds.put(
        "clip.json",
        List.of(
            ("{\"model_type\":\"clip\",\"projection_dim\":16,\"logit_scale_init_value\":2.6592,"
                    + "\"vision_config\":"
                    + vision
                    + ",\"text_config\":"
                    + text
                    + "}")
                .getBytes(StandardCharsets.UTF_8)));
    return seeds;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    READERS.get(damaged).read(JsonConfig.read(folder.resolve(damaged)));
  }
}
