package dev.ablation.evaluation;

import dev.ablation.picture.PictureFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The pictures of a subject by one model, as PNG files of a folder that its key names. */
record KeptPictures(Path folder) {
  private static final int KEY_DIGITS = 16;

  static KeptPictures of(Path folder, String key, Subject subject) throws IOException {
    String readable = subject.name().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return new KeptPictures(
        Files.createDirectories(
            folder.resolve(readable + "-" + key.substring(0, KEY_DIGITS))));
  }

  private Path file(int index) {
    return folder.resolve("%05d.png".formatted(index));
  }

  /** Returns pictures that were kept; {@code null} if one of them is not there. */
  @Nullable List<BufferedImage> read(int from, int to) throws IOException {
    List<BufferedImage> pictures = new ArrayList<>();
    for (int i = from; i < to; i++) {
      if (!Files.exists(file(i))) {
        return null;
      }
      pictures.add(PictureFile.read(file(i)));
    }
    return pictures;
  }

  void write(int from, List<BufferedImage> pictures) throws IOException {
    for (int i = 0; i < pictures.size(); i++) {
      PictureFile.writePng(pictures.get(i), file(from + i));
    }
  }
}
