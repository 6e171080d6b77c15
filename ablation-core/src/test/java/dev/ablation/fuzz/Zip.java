package dev.ablation.fuzz;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Damages names and contents of the entries of a zip archive; sometimes its bytes. */
public final class Zip implements Mutator {
  private final Bytes bytes = new Bytes();

  /** An entry. */
  private record Entry(String name, byte[] content) {}

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    if (random.nextInt(4) == 0) {
      return bytes.mutate(content, random);
    }
    try {
      List<Entry> entries = entries(content);
      int at = random.nextInt(entries.size());
      Entry entry = entries.get(at);
      switch (random.nextInt(8)) {
        case 0 -> entries.remove(at);
        case 1 -> entries.set(at, new Entry(entry.name + Json.text(random), entry.content));
        case 2 -> {
          byte[] other = entries.get(random.nextInt(entries.size())).content;
          entries.set(at, new Entry(entry.name, other));
        }
        default -> {
          int pickle = at;
          for (int i = 0; i < entries.size() && random.nextInt(3) != 0; i++) {
            pickle = entries.get(i).name.endsWith(".pkl") ? i : pickle;
          }
          Entry chosen = entries.get(pickle);
          entries.set(pickle, new Entry(chosen.name, bytes.mutate(chosen.content, random)));
        }
      }
      return archive(entries);
    } catch (IOException | IllegalArgumentException e) {
      return bytes.mutate(content, random);
    }
  }

  private static List<Entry> entries(byte[] content) throws IOException {
    List<Entry> entries = new ArrayList<>();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(content))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        entries.add(new Entry(entry.getName(), in.readNBytes(1 << 20)));
      }
    }
    if (entries.isEmpty()) {
      throw new IOException("no archive");
    }
    return entries;
  }

  /** Stored, as torch.save does. */
  private static byte[] archive(List<Entry> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream out = new ZipOutputStream(bytes)) {
      out.setMethod(ZipOutputStream.STORED);
      for (Entry entry : entries) {
        ZipEntry header = new ZipEntry(entry.name);
        CRC32 crc = new CRC32();
        crc.update(entry.content);
        header.setSize(entry.content.length);
        header.setCrc(crc.getValue());
        header.setTime(0);
        out.putNextEntry(header);
        out.write(entry.content);
        out.closeEntry();
      }
    }
    return bytes.toByteArray();
  }
}
