package dev.ablation.safetensors;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;

class SafetensorsFuzzTest extends ReaderFuzz {
  private final NDManager manager = NDManager.newBaseManager();

  @AfterAll
  void close() {
    manager.close();
  }

  @Override
  protected Mutator mutator() {
    return new Safetensors((header, data) -> {});
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    return Map.of(
        "some.safetensors",
        List.of(
            RawFile.bytes(
                "{\"__metadata__\":{\"format\":\"pt\",\"a\":\"b\"},\"x\":{\"dtype\":\"F32\","
                    + "\"shape\":[2,3],\"data_offsets\":[0,24]},\"y\":{\"dtype\":\"BF16\","
                    + "\"shape\":[4],\"data_offsets\":[24,32]},\"z\":{\"dtype\":\"BOOL\","
                    + "\"shape\":[0,3],\"data_offsets\":[32,32]}}",
                new byte[32]),
            RawFile.bytes(
                "{\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                    + "\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[1,1,3],\"data_offsets\":[8,11]}}",
                new byte[11]),
            RawFile.bytes(new JsonObject().toString(), new byte[0])));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    for (SafetensorsFile.Access access : SafetensorsFile.Access.values()) {
      try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("some.safetensors"), access);
          NDManager scope = manager.newSubManager()) {
        for (TensorEntry entry : file.tensors().values()) {
          if (entry.dtype().isReadableAsFloat32()) {
            file.readFloat32(entry.name(), scope);
          }
          if (entry.dtype().arrayType().isPresent()) {
            file.read(entry.name(), scope).toByteBuffer();
          }
          file.readBytes(entry.name(), scope);
        }
      }
    }
  }
}
