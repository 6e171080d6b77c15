package dev.ablation.djl.clip;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The preprocessing of images, in both forms. */
class ClipPreprocessorFuzzTest extends ReaderFuzz {
  private static final String SETTINGS =
      "{\"crop_size\":{\"height\":32,\"width\":32},\"do_center_crop\":true,\"do_convert_rgb\":true,"
          + "\"do_normalize\":true,\"do_rescale\":true,\"do_resize\":true,"
          + "\"image_mean\":[0.48,0.46,0.41],\"image_std\":[0.27,0.26,0.28],\"resample\":3,"
          + "\"rescale_factor\":0.00392156862745098,\"size\":{\"shortest_edge\":32}}";

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "old/preprocessor_config.json",
        List.of(SETTINGS.getBytes(StandardCharsets.UTF_8)),
        "new/processor_config.json",
        List.of(
            ("{\"processor_class\":\"CLIPProcessor\",\"image_processor\":" + SETTINGS + "}")
                .getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    BufferedImage image = new BufferedImage(40, 33, BufferedImage.TYPE_INT_RGB);
    var transform = ClipPreprocessor.read(folder.resolve(folderOf(damaged)), 32);
    if (transform.isPresent()) {
      transform.get().sizeOf(image);
    }
  }
}
