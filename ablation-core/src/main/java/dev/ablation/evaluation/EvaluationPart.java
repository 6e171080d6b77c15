package dev.ablation.evaluation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.metric.MetricStatistics;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was measured on some slices of an evaluation. Parts of one evaluation, measured by several
 * processes, are merged in any order and grouping; from all of them {@link Evaluation#result}
 * computes the same numbers as {@link Evaluation#run} does alone.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluation-parts"}
 */
@CheckReturnValue
public final class EvaluationPart {
  private static final int FORMAT = 0x41455031; // AEP1
  private static final int MOST_TEXT = 1 << 26;

  /** What may differ between the machines that measure one evaluation. */
  private static final String ENVIRONMENT = "environment.";

  private final Map<String, String> settings;
  private final Duration elapsed;
  private final List<Piece> pieces;
  private final Map<Integer, AttackResult> attacks;

  /**
   * Statistics of images of a subject.
   *
   * @param subject its index
   * @param first index of the first image
   * @param end index behind the last image
   * @param statistics one for each metric that measures the subject
   * @param shown the images among them that a report shows
   */
  record Piece(
      int subject, int first, int end, List<MetricStatistics> statistics, List<ImagePair> shown) {
    private static final Comparator<Piece> ORDER =
        Comparator.comparingInt(Piece::subject).thenComparingInt(Piece::first);

    Piece {
      statistics = List.copyOf(statistics);
      shown = List.copyOf(shown);
    }

    Piece plus(Piece next) {
      if (statistics.size() != next.statistics.size()) {
        throw new IllegalArgumentException(
            "parts must be of one evaluation, have %d and %d metrics of a subject"
                .formatted(statistics.size(), next.statistics.size()));
      }
      List<MetricStatistics> sums = new ArrayList<>();
      for (int i = 0; i < statistics.size(); i++) {
        sums.add(statistics.get(i).plus(next.statistics.get(i)));
      }
      List<ImagePair> images = new ArrayList<>(shown);
      images.addAll(next.shown);
      return new Piece(subject, first, next.end, sums, images);
    }
  }

  EvaluationPart(
      Map<String, String> settings,
      Duration elapsed,
      List<Piece> pieces,
      Map<Integer, AttackResult> attacks) {
    this.settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    this.elapsed = elapsed;
    this.pieces = joined(pieces);
    this.attacks = Collections.unmodifiableMap(new TreeMap<>(attacks));
  }

  /** Pieces that follow each other become one, so that sums are held once. */
  private static List<Piece> joined(List<Piece> pieces) {
    List<Piece> joined = new ArrayList<>();
    for (Piece next : pieces.stream().sorted(Piece.ORDER).toList()) {
      Piece last = joined.isEmpty() ? null : joined.get(joined.size() - 1);
      if (last == null || last.subject() != next.subject() || last.end() < next.first()) {
        joined.add(next);
        continue;
      }
      if (last.end() > next.first()) {
        throw new IllegalArgumentException(
            "parts must not overlap, but images %d to %d of subject %d are in two"
                .formatted(next.first(), Math.min(last.end(), next.end()) - 1, next.subject()));
      }
      joined.set(joined.size() - 1, last.plus(next));
    }
    return List.copyOf(joined);
  }

  /**
   * Merges two parts.
   *
   * @param other another part of the same evaluation
   * @return what both measured
   * @throws IllegalArgumentException if they share images, or were measured with different
   *     settings, base models, deltas or versions of the library; the message names the difference
   */
  public EvaluationPart merge(EvaluationPart other) {
    for (Map.Entry<String, String> each : settings.entrySet()) {
      String name = each.getKey();
      String theirs = other.settings.get(name);
      if (!name.startsWith(ENVIRONMENT) && !each.getValue().equals(theirs)) {
        throw new IllegalArgumentException(
            "parts must be of one evaluation, but %s was '%s' and '%s'"
                .formatted(name, each.getValue(), theirs));
      }
    }
    List<Piece> both = new ArrayList<>(pieces);
    both.addAll(other.pieces);
    Map<Integer, AttackResult> all = new TreeMap<>(attacks);
    other.attacks.forEach((index, result) -> {
      if (all.put(index, result) != null) {
        throw new IllegalArgumentException(
            "parts must not overlap, but attack '%s' is in two".formatted(result.name()));
      }
    });
    return new EvaluationPart(settings, elapsed.plus(other.elapsed), both, all);
  }

  /** {@return the settings of the evaluation, as its result has them} */
  public Map<String, String> settings() {
    return settings;
  }

  /** {@return the time that all slices took together} */
  public Duration elapsed() {
    return elapsed;
  }

  List<Piece> pieces() {
    return pieces;
  }

  Map<Integer, AttackResult> attacks() {
    return attacks;
  }

  /** {@return the part as bytes, with the images that a report shows} */
  public byte[] toBytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(FORMAT);
      out.writeInt(settings.size());
      for (Map.Entry<String, String> each : settings.entrySet()) {
        writeBytes(out, utf8(each.getKey()));
        writeBytes(out, utf8(each.getValue()));
      }
      out.writeLong(elapsed.toNanos());
      out.writeInt(pieces.size());
      for (Piece piece : pieces) {
        out.writeInt(piece.subject());
        out.writeInt(piece.first());
        out.writeInt(piece.end());
        out.writeInt(piece.statistics().size());
        for (MetricStatistics each : piece.statistics()) {
          each.write(out);
        }
        writeImages(out, piece.shown());
      }
      out.writeInt(attacks.size());
      for (Map.Entry<Integer, AttackResult> each : attacks.entrySet()) {
        out.writeInt(each.getKey());
        AttackResult attack = each.getValue();
        EvaluationResult json =
            new EvaluationResult(Map.of(), List.of(), List.of(attack), attack.elapsed());
        writeBytes(out, utf8(json.toJson()));
        writeImages(out, attack.shown());
      }
    } catch (IOException e) {
      throw new IllegalStateException("memory can be written to", e);
    }
    return bytes.toByteArray();
  }

  /**
   * Writes {@link #toBytes()} to a file atomically.
   *
   * @param file the file, replaced if it exists; its folder must exist
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    AtomicFiles.writeBytes(file, AtomicFiles.Existing.REPLACE, toBytes());
  }

  /**
   * Reads a file that {@link #write} wrote.
   *
   * @param file the file
   * @return the part
   * @throws IOException if it cannot be read or is something else; the message names it
   */
  public static EvaluationPart read(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    try {
      return fromBytes(bytes);
    } catch (IOException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads what {@link #toBytes} wrote.
   *
   * @param bytes of a part
   * @return the part
   * @throws IOException if they are something else
   */
  public static EvaluationPart fromBytes(byte[] bytes) throws IOException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      if (in.readInt() != FORMAT) {
        throw new IOException("not a part of an evaluation");
      }
      Map<String, String> settings = new LinkedHashMap<>();
      for (int left = in.readInt(); left > 0; left--) {
        String name = text(in);
        settings.put(name, text(in));
      }
      Duration elapsed = Duration.ofNanos(in.readLong());
      List<Piece> pieces = new ArrayList<>();
      for (int left = in.readInt(); left > 0; left--) {
        int subject = in.readInt();
        int first = in.readInt();
        int end = in.readInt();
        List<MetricStatistics> statistics = new ArrayList<>();
        for (int metrics = in.readInt(); metrics > 0; metrics--) {
          statistics.add(MetricStatistics.read(in));
        }
        pieces.add(new Piece(subject, first, end, statistics, readImages(in)));
      }
      Map<Integer, AttackResult> attacks = new TreeMap<>();
      for (int left = in.readInt(); left > 0; left--) {
        int index = in.readInt();
        AttackResult attack = EvaluationResult.fromJson(text(in)).attacks().get(0);
        attacks.put(
            index,
            new AttackResult(
                attack.family(),
                attack.name(),
                attack.settings(),
                attack.judged(),
                readImages(in),
                attack.elapsed()));
      }
      return new EvaluationPart(settings, elapsed, pieces, attacks);
    } catch (EOFException e) {
      throw new IOException("not a part of an evaluation: it ends early", e);
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new IOException("not a part of an evaluation: " + e.getMessage(), e);
    }
  }

  private static void writeImages(DataOutputStream out, List<ImagePair> images) throws IOException {
    out.writeInt(images.size());
    for (ImagePair pair : images) {
      writeBytes(out, utf8(pair.prompt()));
      out.writeLong(pair.seed());
      writeBytes(out, ImageFile.png(pair.base()));
      writeBytes(out, ImageFile.png(pair.ablated()));
    }
  }

  private static List<ImagePair> readImages(DataInputStream in) throws IOException {
    List<ImagePair> images = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) {
      String prompt = text(in);
      long seed = in.readLong();
      BufferedImage base = ImageFile.read(readBytes(in), "an image of a part");
      images.add(
          new ImagePair(prompt, seed, base, ImageFile.read(readBytes(in), "an image of a part")));
    }
    return images;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(readBytes(in), StandardCharsets.UTF_8);
  }

  private static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static byte[] readBytes(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MOST_TEXT) {
      throw new IOException("not a part of an evaluation: a length of " + length);
    }
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new IOException("not a part of an evaluation: it ends early");
    }
    return bytes;
  }
}
