package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Text embeddings of prompts during training: cached, unless the text encoder is trained. */
final class TextEmbeddings implements AutoCloseable {
  /** A run draws from at most a few thousand prompts; 77 x 768 floats each are 0.2 MB. */
  private static final int CAPACITY = 2048;

  private static final Set<WeightRole> OF_THE_TEXT_ENCODER =
      EnumSet.of(WeightRole.TOKEN_EMBEDDING, WeightRole.TEXT_ENCODER);

  private final DiffusionModel model;
  private final boolean encoderTrains;
  private final NDManager manager;
  private final Map<Key, Conditioning> encoded = new HashMap<>();

  private TextEmbeddings(DiffusionModel model, boolean encoderTrains) {
    this.model = model;
    this.encoderTrains = encoderTrains;
    manager = model.manager().newSubManager();
  }

  static TextEmbeddings of(DiffusionModel model, List<WeightInfo> trained) {
    return new TextEmbeddings(
        model, trained.stream().anyMatch(info -> OF_THE_TEXT_ENCODER.contains(info.role())));
  }

  Conditioning of(List<String> prompts, LatentSize size, TrainingSession session, NDManager scope) {
    if (encoderTrains) {
      return model.encode(prompts, size, scope);
    }
    return session.withoutGradients(() -> {
      List<Conditioning> rows =
          prompts.stream().map(prompt -> one(new Key(prompt, size), scope)).toList();
      return rows.size() == 1 ? rows.get(0) : Conditioning.concat(rows).attach(scope);
    });
  }

  private Conditioning one(Key key, NDManager scope) {
    Conditioning known = encoded.get(key);
    if (known != null) {
      return known;
    }
    boolean keep = encoded.size() < CAPACITY;
    Conditioning made = model.encode(List.of(key.prompt()), key.size(), keep ? manager : scope);
    if (keep) {
      encoded.put(key, made);
    }
    return made;
  }

  private record Key(String prompt, LatentSize size) {}

  @Override
  public void close() {
    manager.close();
  }
}
