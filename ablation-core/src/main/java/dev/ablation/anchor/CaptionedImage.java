package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.nio.file.Path;
import java.util.Objects;

/**
 * An image file and what it shows.
 *
 * @param file PNG, JPEG or WebP
 * @param caption the prompt that the image shows
 */
public record CaptionedImage(Path file, String caption) {

  /** Checks that the caption says something. */
  public CaptionedImage {
    Objects.requireNonNull(file, "file");
    Preconditions.checkArgument(!caption.isBlank(), "caption of %s must not be blank", file);
    caption = caption.strip();
  }
}
