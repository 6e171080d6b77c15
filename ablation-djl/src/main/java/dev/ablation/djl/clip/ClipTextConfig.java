package dev.ablation.djl.clip;

import dev.ablation.djl.nn.Activation;

/**
 * Shapes and options of a CLIP text model, as its {@code config.json} has them.
 *
 * @param vocabularySize number of tokens
 * @param hiddenSize D, width of a text state
 * @param intermediateSize width inside the feed-forward part
 * @param layers number of transformer layers
 * @param heads number of attention heads
 * @param contextLength T, the number of positions
 * @param activation of the feed-forward part
 * @param layerNormEps of the layer normalisations
 * @param endTokenId the end token; 2 stands for the highest id, as published configurations mean it
 */
public record ClipTextConfig(
    int vocabularySize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int contextLength,
    Activation activation,
    double layerNormEps,
    int endTokenId) {}
