package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.RmsNorm;
import org.jspecify.annotations.Nullable;

/** Queries, keys and values of one stream of tokens. The layers belong to the attention. */
record Projections(
    Linear toQ, Linear toK, Linear toV, @Nullable RmsNorm normQ, @Nullable RmsNorm normK) {

  NDArray query(NDArray tokens) {
    return normalised(toQ.apply(tokens), normQ);
  }

  NDArray key(NDArray tokens) {
    return normalised(toK.apply(tokens), normK);
  }

  NDArray value(NDArray tokens) {
    return toV.apply(tokens);
  }

  private static NDArray normalised(NDArray heads, @Nullable RmsNorm norm) {
    return norm == null ? heads : norm.applyAndClose(heads);
  }
}
