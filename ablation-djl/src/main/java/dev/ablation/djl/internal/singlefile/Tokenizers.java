package dev.ablation.djl.internal.singlefile;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/**
 * The published tokenizers, which single files leave out: the byte-pair encoding of CLIP (Radford
 * et al. 2021) and the pieces of T5 (Raffel et al. 2020). Their licences are in {@code NOTICE.md}
 * beside the resources.
 */
public final class Tokenizers {
  private static final String START = "<|startoftext|>";
  private static final String END = "<|endoftext|>";

  private Tokenizers() {}

  /**
   * Writes a tokenizer folder of CLIP.
   *
   * @param folder that is made
   * @param pad the token that fills the context
   * @throws IOException if writing fails
   */
  public static void writeClip(Path folder, String pad) throws IOException {
    Files.createDirectories(folder);
    byte[] merges = resource("clip-merges.txt.gz");
    Files.write(folder.resolve("merges.txt"), merges);
    Files.writeString(
        folder.resolve("vocab.json"), vocabulary(new String(merges, StandardCharsets.UTF_8)));
    JsonObject config = new JsonObject();
    config.addProperty("tokenizer_class", "CLIPTokenizer");
    config.addProperty("model_max_length", 77);
    config.addProperty("do_lower_case", true);
    config.addProperty("errors", "replace");
    config.addProperty("add_prefix_space", false);
    config.addProperty("bos_token", START);
    config.addProperty("eos_token", END);
    config.addProperty("unk_token", END);
    config.addProperty("pad_token", pad);
    Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
  }

  /** All bytes, all bytes at the end of a word, the result of each merge, start and end. */
  private static String vocabulary(String merges) {
    List<String> tokens = new ArrayList<>();
    List<String> bytes = bytes();
    tokens.addAll(bytes);
    bytes.forEach(one -> tokens.add(one + "</w>"));
    merges
        .lines()
        .skip(1) // the version
        .forEach(line -> tokens.add(line.replace(" ", "")));
    tokens.add(START);
    tokens.add(END);
    JsonObject json = new JsonObject();
    for (int id = 0; id < tokens.size(); id++) {
      json.addProperty(tokens.get(id), id);
    }
    return json.toString();
  }

  /** The characters that stand for bytes: printable ones for themselves, others from 256 on. */
  private static List<String> bytes() {
    List<String> printable = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (int value = 0; value < 256; value++) {
      boolean isPrintable =
          (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xFF && value != 0xAD);
      if (isPrintable) {
        printable.add(Character.toString(value));
      } else {
        others.add(Character.toString(256 + others.size()));
      }
    }
    printable.addAll(others);
    return printable;
  }

  /**
   * Writes a tokenizer folder of T5.
   *
   * @param folder that is made
   * @throws IOException if writing fails
   */
  public static void writeT5(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.write(folder.resolve("spiece.model"), resource("t5-spiece.model.gz"));
    JsonObject config = new JsonObject();
    config.addProperty("tokenizer_class", "T5Tokenizer");
    config.addProperty("model_max_length", 512);
    config.addProperty("extra_ids", 100);
    config.addProperty("eos_token", "</s>");
    config.addProperty("pad_token", "<pad>");
    config.addProperty("unk_token", "<unk>");
    Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
  }

  private static byte[] resource(String name) {
    try (InputStream stream = Tokenizers.class.getResourceAsStream(name);
        GZIPInputStream unzipped =
            new GZIPInputStream(Objects.requireNonNull(stream, "resource " + name))) {
      return unzipped.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
