package dev.ablation.archunit;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.awt.image.BufferedImage;
import java.io.FileOutputStream;
import java.io.FileWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.BiConsumer;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class HouseRulesTest {
  /** Each method writes a file in place. */
  static final class InPlace {
    void text(Path file) throws IOException {
      Files.writeString(file, "");
    }

    void copied(Path file, InputStream in) throws IOException {
      Files.copy(in, file);
    }

    void image(Path file, BufferedImage image) throws IOException {
      ImageIO.write(image, "png", file.toFile());
    }

    void lines(Path file) throws IOException {
      try (PrintWriter writer = new PrintWriter(file.toString())) {
        writer.println();
      }
    }

    void bytes(Path file) throws IOException {
      try (FileOutputStream out = new FileOutputStream(file.toFile())) {
        out.write(1);
      }
    }

    void letters(Path file) throws IOException {
      try (FileWriter out = new FileWriter(file.toFile(), StandardCharsets.UTF_8)) {
        out.write("a");
      }
    }

    void anywhere(Path file) throws IOException {
      try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
        out.write(1);
      }
    }

    void channel(Path file) throws IOException {
      try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
        out.truncate(0);
      }
    }

    void anyChannel(Path file) throws IOException {
      try (SeekableByteChannel out = Files.newByteChannel(file, StandardOpenOption.APPEND)) {
        out.truncate(0);
      }
    }

    HttpResponse.BodyHandler<Path> answer(Path file) {
      return HttpResponse.BodyHandlers.ofFile(file);
    }

    BiConsumer<Path, byte[]> reference() {
      return (file, bytes) -> {
        try {
          Files.write(file, bytes);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      };
    }
  }

  /** Writes into streams, and reads. */
  static final class Fine {
    void copied(Path file, OutputStream out) throws IOException {
      Files.copy(file, out);
    }

    void image(OutputStream out, BufferedImage image) throws IOException {
      ImageIO.write(image, "png", out);
    }

    long channel(Path file) throws IOException {
      try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
        return in.size();
      }
    }

    void lines(OutputStream out) {
      new PrintWriter(out).println();
    }
  }

  private static int violations(Class<?> type) {
    return HouseRules.FILES_ARE_WRITTEN_ATOMICALLY
        .evaluate(new ClassFileImporter().importClasses(type))
        .getFailureReport()
        .getDetails()
        .size();
  }

  @Test
  void filesThatAreWrittenInPlaceAreFound() {
    assertThat(violations(InPlace.class)).isEqualTo(11);
    assertThat(violations(Fine.class)).isZero();
  }
}
