package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.gson.JsonObject;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Safetensors;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file of the cache of latents counts as absent. */
class CacheFuzzTest extends ReaderFuzz {
  private static final Shape SHAPE = new Shape(2, 3, 4, 6);

  @TempDir Path made;

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterAll
  void close() {
    model.close();
  }

  @Override
  protected Mutator mutator() {
    return new Safetensors(CacheFuzzTest::repair);
  }

  private LatentCache cache(Path folder) throws IOException {
    return LatentCache.of(folder, model, List.of("a cat"), Map.of("steps", "2"), 2, 1);
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    try (NDArray latents = model.manager().randomNormal(SHAPE)) {
      cache(made).write(0, latents);
    }
    try (var files = Files.walk(made)) {
      Path file = files.filter(Files::isRegularFile).findFirst().orElseThrow();
      return Map.of(
          made.relativize(file).toString().replace('\\', '/'), List.of(Files.readAllBytes(file)));
    }
  }

  private static void repair(JsonObject header, byte[] data) {
    Hasher hasher = Hashing.sha256().newHasher();
    ByteBuffer values = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    while (values.remaining() >= Float.BYTES) {
      hasher.putFloat(values.getFloat());
    }
    header
        .getAsJsonObject("__metadata__")
        .addProperty("ablation.cache.sha256", hasher.hash().toString());
  }

  @Override
  protected boolean isDocumented(Exception refusal, Path folder) {
    return false;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (NDManager owner = model.manager().newSubManager()) {
      cache(folder).read(0, SHAPE, owner, text -> {});
    }
  }
}
