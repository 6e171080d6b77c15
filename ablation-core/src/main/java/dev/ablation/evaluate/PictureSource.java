package dev.ablation.evaluate;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

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
   * Takes the picture files of a folder (PNG, JPEG, BMP, GIF), in the order of their names; other
   * files and folders inside are left out.
   *
   * @param folder with picture files
   * @return the source; it lists the folder now and reads a file when asked for
   * @throws IOException if the folder cannot be listed
   */
  static PictureSource folder(Path folder) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    Set<String> endings = Set.of("png", "jpg", "jpeg", "bmp", "gif");
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
        Path file = files.get(index);
        BufferedImage picture;
        try {
          picture = ImageIO.read(file.toFile());
        } catch (IOException | RuntimeException e) { // readers throw both on broken files
          throw new IOException(file + ": cannot be read as a picture: " + e.getMessage(), e);
        }
        if (picture == null) {
          throw new IOException(file + ": is no picture of a known format");
        }
        return picture;
      }
    };
  }

  private static String ending(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }
}
