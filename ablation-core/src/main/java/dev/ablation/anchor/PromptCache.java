package dev.ablation.anchor;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.PromptFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** Caches the answers of a checked source in files named by a hash of the request. */
record PromptCache(PromptSource source, Path folder) implements PromptSource {
  private static final int NAME_LENGTH = 24;

  PromptCache {
    Objects.requireNonNull(folder, "folder");
  }

  @Override
  public List<String> prompts(PromptRequest request) throws IOException {
    Path file = folder.resolve(fileName(request));
    if (Files.exists(file)) {
      return PromptFile.read(file);
    }
    List<String> prompts = source.prompts(request);
    Files.createDirectories(folder);
    AtomicFiles.writeString(file, Existing.REPLACE, String.join("\n", prompts) + "\n");
    return prompts;
  }

  private static String fileName(PromptRequest request) {
    Hasher hasher = Hashing.sha256().newHasher();
    put(hasher, request.kind().name());
    put(hasher, request.subject());
    put(hasher, Integer.toString(request.count()));
    put(hasher, Objects.requireNonNullElse(request.word(), ""));
    request.avoid().forEach(prompt -> put(hasher, prompt));
    String readable = request.subject().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return readable.substring(0, Math.min(NAME_LENGTH, readable.length()))
        + "-"
        + hasher.hash().toString().substring(0, 32)
        + ".txt";
  }

  /** Puts each text's length before it, so that different lists of texts hash differently. */
  private static void put(Hasher hasher, String text) {
    hasher.putInt(text.length()).putString(text, StandardCharsets.UTF_8);
  }
}
