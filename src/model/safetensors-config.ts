import type { KeyValue } from './gguf-layout.js';

/** What config.json of a model says, by the keys that GGUF files have for it. */
export interface ConfigKeys {
  architecture: string;
  name: string | null;
  keys: Map<string, KeyValue>;
}

/** The names that models have for one thing, the first found counts. */
const named: Readonly<Record<string, readonly string[]>> = {
  block_count: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  expert_count: ['num_local_experts', 'n_routed_experts', 'num_experts', 'moe_num_experts'],
  expert_used_count: [
    'num_experts_per_tok',
    'num_experts_per_token',
    'experts_per_token',
    'top_k_experts',
    'moe_topk',
    'moe_top_k',
    'moe_k',
  ],
  nextn_predict_layers: [
    'num_nextn_predict_layers',
    'mtp_num_hidden_layers',
    'mtp_num_layers',
    'num_mtp_layers',
    'num_mtp_modules',
  ],
  'attention.shared_kv_layers': ['num_kv_shared_layers'],
};

/** The keys of the text's part, where a model has parts: `text_config`, `llm_config`, `thinker_config.text_config`. */
export function configKeys(config: Record<string, unknown>): ConfigKeys {
  const text = textPart(config);
  const type = [text.model_type, config.model_type].find((value) => typeof value === 'string') as
    | string
    | undefined;
  const architecture = (type ?? 'unknown').replace(/_text$/, '');
  const keys = new Map<string, KeyValue>([['general.architecture', architecture]]);
  for (const [key, names] of Object.entries(named)) {
    const value = names.map((name) => text[name] ?? config[name]).find((each) => typeof each === 'number');
    if (typeof value === 'number') keys.set(`${architecture}.${key}`, value);
  }
  // A list counts the layers that guess with the others, as GGUF's keys do.
  const [layers, guessing] = [
    keys.get(`${architecture}.block_count`),
    keys.get(`${architecture}.nextn_predict_layers`),
  ];
  if (typeof layers === 'number' && typeof guessing === 'number')
    keys.set(`${architecture}.block_count`, layers + guessing);
  const name = config._name_or_path;
  return { architecture, name: typeof name === 'string' && name !== '' ? name : null, keys };
}

function textPart(config: Record<string, unknown>): Record<string, unknown> {
  for (const key of ['thinker_config', 'text_config', 'llm_config', 'language_config']) {
    const part = config[key];
    if (typeof part === 'object' && part !== null) return textPart(part as Record<string, unknown>);
  }
  return config;
}
