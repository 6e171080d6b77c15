package dev.ablation.metric;

import dev.ablation.image.ImageFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Images that are read one by one, so that they need not all fit into memory. */
public interface ImageSource {

  /** {@return the number of images} */
  int count();

  /**
   * Reads an image.
   *
   * @param index of the image, from 0
   * @return the image
   * @throws IOException if it cannot be read
   */
  BufferedImage image(int index) throws IOException;

  /**
   * Creates a source of images in memory.
   *
   * @param images the images, in order
   * @return the source
   */
  static ImageSource of(List<BufferedImage> images) {
    List<BufferedImage> all = List.copyOf(images);
    return new ImageSource() {
      @Override
      public int count() {
        return all.size();
      }

      @Override
      public BufferedImage image(int index) {
        return all.get(index);
      }
    };
  }

  /**
   * Creates a source of the image files in a folder (PNG, JPEG, WebP), sorted by name and read by
   * {@link ImageFile}. Other files and subfolders are ignored.
   *
   * @param folder a folder with image files
   * @return the source; this method lists the folder, and the source reads each file on request
   * @throws IOException if the folder cannot be listed
   */
  static ImageSource folder(Path folder) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    Set<String> endings = Set.of("png", "jpg", "jpeg", "webp");
    List<Path> files;
    try (Stream<Path> list = Files.list(folder)) {
      files =
          list.filter(file -> endings.contains(ending(file)) && Files.isRegularFile(file))
              .sorted()
              .toList();
    }
    return new ImageSource() {
      @Override
      public int count() {
        return files.size();
      }

      @Override
      public BufferedImage image(int index) throws IOException {
        return ImageFile.read(files.get(index));
      }
    };
  }

  private static String ending(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }
}
