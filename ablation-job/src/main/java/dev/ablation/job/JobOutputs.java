package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a run writes, and where.
 *
 * @param folder folder of the run and its evidence; must not exist or be empty. Default: the next
 *     number in the caller's folder
 * @param export checkpoint folder with the change applied. Default: none
 * @param lora loRA file, if low-rank factors were trained. Default: none
 * @param signingKey ed25519 key in PEM (PKCS #8) that signs the manifest. Default: the bundle is
 *     not signed
 * @param ledger ledger file in which a result that meets all limits is entered, evaluated together
 *     with what is in it. Default: none
 * @param checkpointEvery training steps between two checkpoints. Default: 50
 */
@CheckReturnValue
public record JobOutputs(
    @Described(
            "Folder of the run and its evidence; must not exist or be empty. Default: the next number in the caller's folder.")
        @Nullable Path folder,
    @Described("Checkpoint folder with the change applied. Default: none.") @Nullable Path export,
    @Described("LoRA file, if low-rank factors were trained. Default: none.") @Nullable Path lora,
    @Described(
            "Ed25519 key in PEM (PKCS #8) that signs the manifest. Default: the bundle is not signed.")
        @Nullable Path signingKey,
    @Described(
            "Ledger file in which a result that meets all limits is entered, evaluated together with what is in it. Default: none.")
        @Nullable Path ledger,
    @Described(value = "Training steps between two checkpoints. Default: 50.", positive = true)
        @Nullable Integer checkpointEvery) {

  /** {@return the defaults: the evidence alone} */
  public static JobOutputs defaults() {
    return new JobOutputs(null, null, null, null, null, null);
  }

  /**
   * Changes the folder of the run.
   *
   * @param changed the folder; {@code null} for the caller's choice
   * @return a copy with the given folder
   */
  public JobOutputs folder(@Nullable Path changed) {
    return new JobOutputs(changed, export, lora, signingKey, ledger, checkpointEvery);
  }

  /**
   * Changes the key that signs the manifest.
   *
   * @param key Ed25519 key in PEM; {@code null} for no signature
   * @return a copy with the given key
   */
  public JobOutputs signingKey(@Nullable Path key) {
    return new JobOutputs(folder, export, lora, key, ledger, checkpointEvery);
  }
}
