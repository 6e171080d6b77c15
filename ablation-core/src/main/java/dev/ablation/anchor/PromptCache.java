package dev.ablation.anchor;

import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.CacheKey;
import dev.ablation.internal.PromptFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Caches the answers of a checked source in files named by a hash of the request. */
record PromptCache(PromptSource source, Path folder) implements PromptSource {
  private static final Logger LOG = LoggerFactory.getLogger(PromptCache.class);

  PromptCache {
    Objects.requireNonNull(folder, "folder");
  }

  @Override
  public List<String> prompts(PromptRequest request) throws IOException {
    Path file = folder.resolve(fileName(request));
    if (Files.exists(file)) {
      try {
        return PromptFile.read(file);
      } catch (IOException e) {
        LOG.warn("{}; its prompts are asked for again", e.getMessage());
      }
    }
    List<String> prompts = source.prompts(request);
    Files.createDirectories(folder);
    AtomicFiles.writeString(file, Existing.REPLACE, String.join("\n", prompts) + "\n");
    return prompts;
  }

  private static String fileName(PromptRequest request) {
    return new CacheKey(request.kind().name())
        .put(request.subject())
        .put(Integer.toString(request.count()))
        .put(Objects.requireNonNullElse(request.word(), ""))
        .put(request.avoid())
        .fileName(request.subject(), "", ".txt");
  }
}
