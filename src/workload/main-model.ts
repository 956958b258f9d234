import type { Model } from '../model/gguf.js';

/**
 * Why no program of llama.cpp's runs this model by itself, and what to do instead; null for one that it may run.
 *
 * @example
 * notByItself(await readModel('mmproj.gguf')); // 'mmproj.gguf is a projector ...'
 */
export function notByItself({ path, format, architecture, keys }: Model): string | null {
  if (format === 'safetensors')
    return `${path} holds safetensors, which llama.cpp does not load: convert it to GGUF, or trace the program that loads it: blkscope record -- CMD`;
  const type = keys.get('general.type');
  if (architecture === 'clip' || type === 'mmproj')
    return `${path} is a projector for pictures or sound, which llama.cpp loads beside a model: name the model with --model, or trace a program that loads both: blkscope record -- CMD`;
  if (type === 'adapter')
    return `${path} is an adapter, which llama.cpp loads beside a model: name the model with --model, and this one after it: -- --lora ${path}`;
  return null;
}
