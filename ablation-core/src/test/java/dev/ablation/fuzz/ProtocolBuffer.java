package dev.ablation.fuzz;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;

/** Damages fields of a protocol buffer whose fields are all of the kind with a length. */
public final class ProtocolBuffer implements Mutator {
  private static final int BYTES = 2;

  private final Bytes bytes = new Bytes();

  /** A field. */
  private record Field(int key, byte[] content) {}

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    if (random.nextInt(4) == 0) {
      return bytes.mutate(content, random);
    }
    try {
      List<Field> fields = fields(content);
      for (int left = 1 + random.nextInt(2); left > 0; left--) {
        int at = random.nextInt(fields.size());
        Field field = fields.get(at);
        switch (random.nextInt(6)) {
          case 0 -> fields.remove(at);
          case 1 -> fields.add(random.nextInt(fields.size() + 1), field);
          case 2 -> fields.set(at, new Field(random.nextInt(6) << 3 | BYTES, field.content));
          default -> fields.set(at, new Field(field.key, bytes.mutate(field.content, random)));
        }
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      fields.forEach(field -> write(out, field.key, field.content));
      return out.toByteArray();
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      return bytes.mutate(content, random);
    }
  }

  private static List<Field> fields(byte[] content) {
    List<Field> fields = new ArrayList<>();
    for (int at = 0; at < content.length; ) {
      int key = content[at++];
      if ((key & 7) != BYTES) {
        throw new IllegalArgumentException("another kind of field");
      }
      int length = 0;
      int shift = 0;
      do {
        length |= (content[at] & 0x7f) << shift;
        shift += 7;
      } while (content[at++] < 0 && shift < 28);
      Objects.checkFromIndexSize(at, length, content.length);
      fields.add(new Field(key, Arrays.copyOfRange(content, at, at + length)));
      at += length;
    }
    return fields;
  }

  /**
   * Writes a field with a length.
   *
   * @param out the buffer
   * @param key number and kind of the field
   * @param content of the field
   */
  public static void write(ByteArrayOutputStream out, int key, byte[] content) {
    out.write(key);
    int rest = content.length;
    while (rest >= 0x80) {
      out.write(rest & 0x7f | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
    out.writeBytes(content);
  }
}
