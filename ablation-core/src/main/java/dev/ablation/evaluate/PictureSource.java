package dev.ablation.evaluate;

import dev.ablation.picture.PictureFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Pictures that are read one by one, so that many do not have to fit into memory. */
public interface PictureSource {

  /** {@return how many pictures there are} */
  int count();

  /**
   * Reads a picture.
   *
   * @param index of the picture, from 0
   * @return the picture
   * @throws IOException if it cannot be read
   */
  BufferedImage picture(int index) throws IOException;

  /**
   * Takes pictures that are in memory.
   *
   * @param pictures in order
   * @return the source
   */
  static PictureSource of(List<BufferedImage> pictures) {
    List<BufferedImage> all = List.copyOf(pictures);
    return new PictureSource() {
      @Override
      public int count() {
        return all.size();
      }

      @Override
      public BufferedImage picture(int index) {
        return all.get(index);
      }
    };
  }

  /**
   * Takes the picture files of a folder (PNG, JPEG, WebP), in the order of their names, read by
   * {@link PictureFile}; other files and folders inside are left out.
   *
   * @param folder with picture files
   * @return the source; it lists the folder now and reads a file when asked for
   * @throws IOException if the folder cannot be listed
   */
  static PictureSource folder(Path folder) throws IOException {
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
    return new PictureSource() {
      @Override
      public int count() {
        return files.size();
      }

      @Override
      public BufferedImage picture(int index) throws IOException {
        return PictureFile.read(files.get(index));
      }
    };
  }

  private static String ending(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }
}
