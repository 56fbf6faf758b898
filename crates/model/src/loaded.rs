//! A model whose weights are in reach, ready to compute the rows of a step.

use crate::config::ModelConfig;
use crate::error::LoadError;
use crate::family::{self, Decoder};
use crate::files::tensors::Tensors;
use crate::forward::{Forward, Logits, Segment, StepRows, TokenId, WantedLogits};
use crate::kv::{KvElement, KvPool, KvShape};
use crate::layers::batch::{Batch, Compute, Heads, Run, Stream, sized};
use crate::layers::load::Loader;
use crate::layers::rope::rotations;
use crate::open::ModelFile;
use kernels::ops::rope::{Rope, RopeTable};
use kernels::{Kernels, WeightType};

/// Rows that go through the layers together. A step with more is cut, with the same bits: it keeps
/// the workspace small (some megabytes for the largest models that a CPU serves) while matrices are
/// still read once per 512 rows, far past the point where reading them costs time.
pub(crate) const BATCH_ROWS_MAX: usize = 512;

/// How a model is to be computed.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Compute threads, at least 1; by default one per core that this process may use.
    pub threads: usize,
    /// In which arithmetic matrices are multiplied.
    pub precision: Precision,
    /// How keys and values are stored. By default F32 for models all in F32 and under
    /// [`Precision::F32`], else F16.
    pub kv_element: Option<KvElement>,
    /// The instruction set; by default the fastest that this machine can run.
    pub kernels: Kernels,
    /// A shorter window than the model's own. Models with LongRoPE use their short factors when it
    /// fits their original context.
    pub context_tokens: Option<usize>,
}

/// In which arithmetic matrices are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As suits each weight type: quantized weights multiply quantized activations.
    Auto,
    /// Weights become f32 exactly, activations stay f32: slow for quantized weights.
    F32,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            precision: Precision::Auto,
            kv_element: None,
            kernels: Kernels::detect(),
            context_tokens: None,
        }
    }
}

/// A model ready to compute.
pub struct LoadedModel {
    config: ModelConfig,
    context_tokens_max: usize,
    kv_element: KvElement,
    decoder: Box<dyn Decoder>,
    compute: Compute,
    workspace: Workspace,
}

/// Memory that is kept between steps.
#[derive(Default)]
struct Workspace {
    tokens: Vec<TokenId>,
    positions: Vec<usize>,
    rotations: Vec<(Rope, RopeTable)>,
    /// x, normed, branch: (rows, hidden_dim)
    stream: [Vec<f32>; 3],
    /// q, k, v, seen: (rows, q_dim or kv_dim)
    heads: [Vec<f32>; 4],
}

impl LoadedModel {
    /// Takes the weights of an opened model. Matrices stay as they lie in the file (the mapping
    /// lives as long as it is used), norms and biases are copied.
    ///
    /// # Errors
    /// When a tensor is missing or does not fit the configuration.
    pub fn load(file: &ModelFile, options: &LoadOptions) -> Result<Self, LoadError> {
        let (config, tensors) = (file.config(), file.tensors());
        let loader = Loader { config, tensors, precision: options.precision };
        let window = options.context_tokens.unwrap_or(usize::MAX).max(1);
        let context_tokens_max = config.context_tokens_max.min(window);
        let rotations = rotations(config, context_tokens_max).into_iter();
        Ok(LoadedModel {
            decoder: family::load(&loader)?,
            config: config.clone(),
            context_tokens_max,
            kv_element: options.kv_element.unwrap_or(default_element(tensors, options.precision)),
            compute: Compute::new(options.kernels, options.threads.max(1)),
            workspace: Workspace {
                rotations: rotations.map(|rotation| (rotation, RopeTable::new())).collect(),
                ..Workspace::default()
            },
        })
    }

    /// What the model looks like.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Compute threads in use.
    pub fn threads(&self) -> usize {
        self.compute.pool.threads()
    }

    /// Computes the rows of `runs`, whose tokens and positions are in the workspace.
    fn decode(&mut self, runs: &[Run<'_>], kv: &mut KvPool, logits: &mut [f32]) {
        let Workspace { tokens, positions, rotations, stream, heads } = &mut self.workspace;
        for (rotation, table) in rotations.iter_mut() {
            rotation.fill(positions.iter().copied(), table);
        }
        let rows = tokens.len();
        let config = &self.config;
        let q_len = rows * config.head_count * config.head_dim;
        let kv_len = rows * config.kv_head_count * config.head_dim;
        let [x, normed, branch] = stream.each_mut().map(|x| sized(x, rows * config.hidden_dim));
        let [q, k, v, seen] = heads;
        let heads = Heads {
            q: sized(q, q_len),
            k: sized(k, kv_len),
            v: sized(v, kv_len),
            seen: sized(seen, q_len),
        };
        let mut batch =
            Batch { compute: &mut self.compute, tokens, positions, runs, rotations, kv };
        self.decoder.decode(&mut batch, Stream { x, normed, branch, heads }, logits);
    }
}

impl Forward for LoadedModel {
    fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    fn context_tokens_max(&self) -> usize {
        self.context_tokens_max
    }

    fn kv_shape(&self) -> KvShape {
        self.config.kv_shape(self.kv_element)
    }

    fn forward(&mut self, rows: &StepRows, kv: &mut KvPool, logits: &mut Logits) {
        assert_eq!(kv.shape(), self.kv_shape(), "the pool must be made for this model");
        let vocab_size = self.config.vocab_size;
        logits.resize(rows.logits_count(), vocab_size);
        let mut rest = logits.values_mut();
        for pieces in cut(&rows.segments, BATCH_ROWS_MAX) {
            self.workspace.tokens.clear();
            self.workspace.positions.clear();
            let runs: Vec<Run<'_>> = pieces.iter().map(|piece| self.stage(piece)).collect();
            let wanted: usize = runs.iter().map(|run| run.wanted.len()).sum();
            let (own, later) = rest.split_at_mut(wanted * vocab_size);
            self.decode(&runs, kv, own);
            rest = later;
        }
    }
}

impl LoadedModel {
    /// Puts a piece's tokens and positions into the workspace.
    fn stage<'a>(&mut self, piece: &Piece<'a>) -> Run<'a> {
        let Piece { segment, first, len } = *piece;
        let tokens = &segment.tokens[first..first + len];
        let first_position = segment.first_position + first;
        let vocab_size = self.config.vocab_size;
        for &token in tokens {
            assert!((token as usize) < vocab_size, "token {token} is outside of the vocabulary");
        }
        assert!(
            first_position + len <= self.context_tokens_max,
            "positions must lie within the model's window"
        );
        let first_row = self.workspace.tokens.len();
        self.workspace.tokens.extend_from_slice(tokens);
        self.workspace.positions.extend(first_position..first_position + len);
        let rows = first_row..first_row + len;
        let is_end = first + len == segment.tokens.len();
        let first_wanted = match segment.logits {
            WantedLogits::All => rows.start,
            WantedLogits::Last if is_end => rows.end - 1,
            _ => rows.end,
        };
        let wanted = first_wanted..rows.end;
        Run { rows, first_position, kv_blocks: &segment.kv_blocks, wanted }
    }
}

/// Tokens `first..first + len` of a segment.
#[derive(Clone, Copy)]
struct Piece<'a> {
    segment: &'a Segment,
    first: usize,
    len: usize,
}

/// Cuts segments into batches of at most `rows_max` rows, in order.
fn cut(segments: &[Segment], rows_max: usize) -> Vec<Vec<Piece<'_>>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut room = rows_max;
    for segment in segments {
        let mut first = 0;
        while first < segment.tokens.len() {
            let len = room.min(segment.tokens.len() - first);
            batch.push(Piece { segment, first, len });
            first += len;
            room -= len;
            if room == 0 {
                batches.push(std::mem::take(&mut batch));
                room = rows_max;
            }
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// F32 where nothing is gained by less: the weights are as precise, or precision was asked for.
fn default_element(tensors: &Tensors, precision: Precision) -> KvElement {
    let is_f32 = |tensor: &crate::files::view::StoredTensor| {
        tensor.shape.len() < 2 || tensor.weight_type().is_ok_and(|kind| kind == WeightType::F32)
    };
    match precision {
        Precision::F32 => KvElement::F32,
        Precision::Auto if tensors.stored().all(is_f32) => KvElement::F32,
        Precision::Auto => KvElement::F16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::KvBlockId;
    use std::path::Path;

    fn tiny(name: &str, options: LoadOptions) -> LoadedModel {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let file = ModelFile::open(&folder).expect("is in the repo");
        LoadedModel::load(&file, &options).expect("is a good model")
    }

    fn segment(tokens: Vec<TokenId>, first_position: usize) -> Segment {
        let kv_blocks = vec![KvBlockId(0)];
        Segment { tokens, first_position, kv_blocks, logits: WantedLogits::Last }
    }

    fn forward(model: &mut LoadedModel, segment: Segment) {
        let mut kv = KvPool::new(model.kv_shape(), 512, 1);
        model.forward(&StepRows { segments: vec![segment] }, &mut kv, &mut Logits::new());
    }

    #[test]
    fn batches_hold_all_rows_in_order_and_no_more_than_allowed() {
        let lens = [1, 5, 3, 0, 9, 2];
        let segments: Vec<Segment> = lens.iter().map(|&len| segment(vec![7; len], 0)).collect();
        for rows_max in 1..25 {
            let batches = cut(&segments, rows_max);
            let sizes: Vec<usize> =
                batches.iter().map(|batch| batch.iter().map(|piece| piece.len).sum()).collect();
            let (last, full) = sizes.split_last().expect("there are rows");
            assert!(full.iter().all(|&size| size == rows_max) && (1..=rows_max).contains(last));
            let mut found = [0; 6];
            for piece in batches.iter().flatten() {
                let index =
                    segments.iter().position(|segment| std::ptr::eq(segment, piece.segment));
                let index = index.expect("pieces are of these segments");
                assert_eq!(piece.first, found[index]);
                found[index] += piece.len;
            }
            assert_eq!(found, lens);
        }
        assert!(cut(&[], 4).is_empty());
    }

    #[test]
    fn keys_and_values_are_as_precise_as_the_weights() {
        let element = |name, options| tiny(name, options).kv_shape().element;
        let exact = LoadOptions { precision: Precision::F32, ..Default::default() };
        let given = LoadOptions { kv_element: Some(KvElement::F16), ..Default::default() };
        assert_eq!(element("llama", LoadOptions::default()), KvElement::F32);
        assert_eq!(element("qwen2", LoadOptions::default()), KvElement::F16);
        assert_eq!(element("qwen2", exact), KvElement::F32);
        assert_eq!(element("llama", given), KvElement::F16);
    }

    #[test]
    fn a_window_may_be_shorter_than_the_models_own() {
        let window = |context_tokens| {
            let options = LoadOptions { context_tokens, ..Default::default() };
            tiny("llama", options).context_tokens_max()
        };
        assert_eq!([window(None), window(Some(100)), window(Some(1000))], [256, 100, 256]);
    }

    #[test]
    #[should_panic(expected = "token 64 is outside of the vocabulary")]
    fn a_token_outside_of_the_vocabulary_is_the_callers_mistake() {
        forward(&mut tiny("llama", LoadOptions::default()), segment(vec![63, 64], 0));
    }

    #[test]
    #[should_panic(expected = "positions must lie within the model's window")]
    fn a_position_beyond_the_window_is_the_callers_mistake() {
        forward(&mut tiny("llama", LoadOptions::default()), segment(vec![1; 3], 254));
    }
}
