package dev.ablation.djl.clip;

import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Folders of untrained CLIP models, with the tokenizer of a pipeline of the golden directory. */
public final class SmallClip {
  private SmallClip() {}

  /**
   * Writes a folder without weights.
   *
   * @param folder to make
   * @param vision fields of {@code vision_config} beside its sizes, such as {@code "stem_channels":
   *     [8]}; may be empty
   * @return the folder
   * @throws IOException if it cannot be written
   */
  public static Path folder(Path folder, String vision) throws IOException {
    Files.createDirectories(folder);
    Path tokenizer =
        Golden.pipelines(Golden.folders("pipelines")).get(0).folder().resolve("tokenizer");
    List<Path> files;
    try (Stream<Path> list = Files.list(tokenizer)) {
      files = list.toList();
    }
    for (Path file : files) {
      Files.copy(file, folder.resolve(file.getFileName().toString()));
    }
    Files.writeString(
        folder.resolve("preprocessor_config.json"), "{\"size\": 16, \"crop_size\": 16}");
    int tokens;
    try (ClipTokenizer read = ClipTokenizer.load(tokenizer, 77)) {
      tokens = read.vocabularySize();
    }
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "clip", "projection_dim": 16,
         "text_config": {"vocab_size": %d, "hidden_size": 24, "intermediate_size": 48,
           "num_hidden_layers": 2, "num_attention_heads": 3, "hidden_act": "gelu",
           "max_position_embeddings": 16, "eos_token_id": 2},
         "vision_config": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
           "num_attention_heads": 4, "hidden_act": "gelu", "image_size": 16, "patch_size": 4%s}}
        """
            .formatted(tokens, vision.isEmpty() ? "" : ", " + vision));
    return folder;
  }

  /** Options for tests. */
  public static LoadOptions options() {
    return LoadOptions.defaults().device(Golden.device()).threads(1);
  }
}
