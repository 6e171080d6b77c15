/**
 * Removes concepts from text-to-image diffusion models. Computes on DJL's arrays and knows no
 * engine. Start at {@link dev.ablation.Ablator}.
 */
@SuppressWarnings("module") // names modules that are compiled later
module dev.ablation.core {
  requires transitive ai.djl.api;
  requires com.google.common;
  requires transitive com.google.errorprone.annotations;
  requires com.google.gson;
  requires ejml.core;
  requires ejml.ddense;
  requires transitive java.desktop;
  requires java.management;
  requires transitive org.jspecify;
  requires org.slf4j;

  exports dev.ablation;
  exports dev.ablation.anchor;
  exports dev.ablation.attack;
  exports dev.ablation.augment;
  exports dev.ablation.checkpoint;
  exports dev.ablation.closedform;
  exports dev.ablation.concept;
  exports dev.ablation.delta;
  exports dev.ablation.error;
  exports dev.ablation.evaluation;
  exports dev.ablation.event;
  exports dev.ablation.image;
  exports dev.ablation.listener;
  exports dev.ablation.memorized;
  exports dev.ablation.memory;
  exports dev.ablation.metric;
  exports dev.ablation.model;
  exports dev.ablation.objective;
  exports dev.ablation.provenance;
  exports dev.ablation.random;
  exports dev.ablation.report;
  exports dev.ablation.safetensors;
  exports dev.ablation.sample;
  exports dev.ablation.schedule;
  exports dev.ablation.serve;
  exports dev.ablation.train;
  exports dev.ablation.internal to
      dev.ablation.benchmarks,
      dev.ablation.cli,
      dev.ablation.djl,
      dev.ablation.emoji,
      dev.ablation.job,
      dev.ablation.langchain4j,
      dev.ablation.site,
      dev.ablation.spark;
}
