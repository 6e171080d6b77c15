/** Diffusion models on DJL with PyTorch. Start at {@link dev.ablation.djl.StableDiffusion}. */
@SuppressWarnings("module") // names modules that are compiled later
module dev.ablation.djl {
  requires ai.djl.pytorch_engine;
  requires ai.djl.tokenizers;
  requires com.google.common;
  requires transitive com.google.errorprone.annotations;
  requires transitive com.google.gson;
  requires transitive dev.ablation.core;
  requires java.net.http;
  requires jdk.management;
  requires org.slf4j;

  exports dev.ablation.djl;
  exports dev.ablation.djl.clip;
  exports dev.ablation.djl.delta;
  exports dev.ablation.djl.dit;
  exports dev.ablation.djl.doctor;
  exports dev.ablation.djl.embedding;
  exports dev.ablation.djl.flux;
  exports dev.ablation.djl.hub;
  exports dev.ablation.djl.load;
  exports dev.ablation.djl.lora;
  exports dev.ablation.djl.metric;
  exports dev.ablation.djl.nn;
  exports dev.ablation.djl.sd3;
  exports dev.ablation.djl.t5;
  exports dev.ablation.djl.train;
  exports dev.ablation.djl.unet;
  exports dev.ablation.djl.vae;
  exports dev.ablation.djl.internal.checkpoint to
      dev.ablation.benchmarks;
  exports dev.ablation.djl.internal.kernel to
      dev.ablation.benchmarks,
      dev.ablation.emoji;
}
