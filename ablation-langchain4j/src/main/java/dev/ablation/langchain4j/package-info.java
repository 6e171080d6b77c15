/**
 * Anchor prompts from chat models, as in the paper (Kumari et al. 2023, section 4: captions for
 * objects, paraphrases for memorized images).
 *
 * <p>Start here: {@link dev.ablation.langchain4j.ChatPrompts} is a {@link
 * dev.ablation.anchor.PromptSource} that works with every chat model of LangChain4j.
 *
 * <p>For services with OpenAI's protocol, add {@code dev.langchain4j:langchain4j-open-ai} to your
 * build. A hosted service:
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="hosted"}
 *
 * <p>A local server (llama.cpp, Ollama, vLLM, LM Studio and others) differs only in the base URL,
 * which ends before {@code /chat/completions}; most such servers ignore the key:
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="local"}
 *
 * <p>Prompts leave your machine only if the chat model sends them.
 */
@NullMarked
package dev.ablation.langchain4j;

import org.jspecify.annotations.NullMarked;
