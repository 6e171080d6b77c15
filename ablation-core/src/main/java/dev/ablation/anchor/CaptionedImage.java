package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.nio.file.Path;
import java.util.Objects;

/**
 * An image file and its caption.
 *
 * @param file a PNG, JPEG or WebP file
 * @param caption the prompt that describes the image
 */
public record CaptionedImage(Path file, String caption) {

  /** Checks that the caption is not blank. */
  public CaptionedImage {
    Objects.requireNonNull(file, "file");
    Preconditions.checkArgument(!caption.isBlank(), "caption of %s must not be blank", file);
    caption = caption.strip();
  }
}
