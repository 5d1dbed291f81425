//! A small decoder: causal attention over a cache of keys and values, blocks that normalise what they read.
//!
//! The same function reads prompts, writes a token at a time, and runs over whole answers for a gradient: all go through
//! [`Writer::read`], which takes the cache of what stands before. Prompts fill the first columns; an answer begins at
//! the same column whatever the length of its prompt, and does not see the columns between.

use std::sync::OnceLock;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::nn::{Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use curricle::signal::Spans;
use curricle::{Purpose, Rng, Round};

use crate::Result;
use crate::sampling::read;
use crate::workload::{BEGIN, END, Shape};

/// Numbers of a state.
pub const WIDTH: usize = 48;
const HEADS: usize = 4;
const BLOCKS: usize = 2;
/// What is added to the score of a column that must not be seen.
const HIDDEN: f32 = -1e9;

/// Where models can be.
const DEVICES: [&str; 2] = ["cpu", "gpu"];
static DEVICE: OnceLock<Device> = OnceLock::new();

/// Where all runs of this process train and sample; the processor, unless something else was set. Nothing else names a
/// backend of burn.
pub fn device() -> Device {
    DEVICE.get_or_init(Device::flex).clone()
}

/// Says where, before the first run.
///
/// # Errors
/// There is no such device, or this program was built without it.
pub fn set_device(name: &str) -> Result<()> {
    let device = match name {
        "cpu" => Device::flex(),
        #[cfg(feature = "gpu")]
        "gpu" => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(not(feature = "gpu"))]
        "gpu" => return Err("`--device gpu` needs the feature `gpu`".into()),
        _ => return Err(format!("no device `{name}`; there are {}", DEVICES.join(" and ")).into()),
    };
    DEVICE.set(device).map_err(|_| "the device is set already".into())
}

/// A decoder-only transformer.
#[derive(Module, Debug)]
pub struct Writer {
    symbols: Param<Tensor<2>>,
    columns: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: RmsNorm,
    output: Linear,
}

#[derive(Module, Debug)]
struct Block {
    before_attention: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    gather: Linear,
    before_inner: RmsNorm,
    widen: Linear,
    narrow: Linear,
}

/// Keys and values of the columns that were read, a row for each text.
#[derive(Debug, Clone)]
pub struct Cache {
    /// By block: `[rows, HEADS, columns, WIDTH / HEADS]`.
    blocks: Vec<(Tensor<4>, Tensor<4>)>,
    /// 0, or [`HIDDEN`] for the filling of a shorter prompt: `[rows, 1, 1, columns]`.
    hidden: Tensor<4>,
}

impl Cache {
    /// The rows with these numbers, in this order; a row may be asked for many times.
    pub fn rows(self, rows: &[usize], device: &Device) -> Self {
        let indices: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [rows.len()]), device);
        let select = |tensor: Tensor<4>| tensor.select(0, indices.clone());
        let blocks = self.blocks.into_iter().map(|(key, value)| (select(key), select(value)));
        Self { blocks: blocks.collect(), hidden: select(self.hidden) }
    }

    fn columns(&self) -> usize {
        self.hidden.dims()[3]
    }
}

impl Writer {
    /// A model with random weights; the seed says which.
    pub fn new(shape: Shape, seed: u64, device: &Device) -> Self {
        // burn draws from one generator for the whole process, and two runs at a time would share it: all tables
        // begin at zero and are filled from a generator of their own.
        let linear = |from: usize, to: usize| {
            LinearConfig::new(from, to).with_initializer(Initializer::Zeros).init(device)
        };
        let table = |rows: usize| Param::from_tensor(Tensor::<2>::zeros([rows, WIDTH], device));
        let norm = || RmsNormConfig::new(WIDTH).init(device);
        let block = |_| Block {
            before_attention: norm(),
            query: linear(WIDTH, WIDTH),
            key: linear(WIDTH, WIDTH),
            value: linear(WIDTH, WIDTH),
            gather: linear(WIDTH, WIDTH),
            before_inner: norm(),
            widen: linear(WIDTH, 4 * WIDTH),
            narrow: linear(4 * WIDTH, WIDTH),
        };
        let model = Self {
            symbols: table(shape.symbols),
            columns: table(shape.prompt + shape.answer),
            blocks: (0..BLOCKS).map(block).collect(),
            norm: norm(),
            output: linear(WIDTH, shape.symbols),
        };
        let tables = [model.symbols.id, model.columns.id];
        model.map(&mut Fill { rng: Rng::at(seed, Round(1), Purpose::User), tables })
    }

    /// Reads prompts.
    pub fn prompts(&self, prompts: &[&[u8]], device: &Device) -> Cache {
        let (rows, longest) =
            (prompts.len(), prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0));
        let (mut symbols, mut hidden) = (Vec::new(), Vec::new());
        for prompt in prompts {
            let blank = longest - prompt.len();
            symbols.extend(prompt.iter().copied().chain(std::iter::repeat_n(END, blank)));
            hidden.extend(std::iter::repeat_n(0.0f32, prompt.len()));
            hidden.extend(std::iter::repeat_n(HIDDEN, blank));
        }
        // No column of a prompt sees the filling behind it: only answers have to be kept from it.
        let (_, mut cache) = self.read(&symbols, [rows, longest], 0, None, device);
        cache.hidden = Tensor::from_data(TensorData::new(hidden, [rows, 1, 1, longest]), device);
        cache
    }

    /// What the model makes of each column of prompts behind its last norm, row by row, and where each prompt lies among
    /// the rows.
    pub fn states(&self, prompts: &[&[u8]], device: &Device) -> Result<(Vec<f32>, Vec<Spans>)> {
        let (rows, longest) =
            (prompts.len(), prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0));
        let filled = |prompt: &&[u8]| -> Vec<u8> {
            prompt.iter().copied().chain(std::iter::repeat(END)).take(longest).collect()
        };
        let symbols: Vec<u8> = prompts.iter().flat_map(filled).collect();
        let (states, _) = self.read(&symbols, [rows, longest], 0, None, device);
        let span = |(row, prompt): (usize, &&[u8])| Spans {
            prefix: 0..0,
            question: row * longest..row * longest + prompt.len(),
        };
        Ok((read(self.norm.forward(states))?, prompts.iter().enumerate().map(span).collect()))
    }

    /// Reads rows of symbols, of which the first stands at a column, behind what is in a cache: what it makes of them,
    /// `[rows, columns, WIDTH]`, and the cache with them.
    fn read(
        &self,
        symbols: &[u8],
        [rows, columns]: [usize; 2],
        first: usize,
        cache: Option<Cache>,
        device: &Device,
    ) -> (Tensor<3>, Cache) {
        let before = cache.as_ref().map_or(0, Cache::columns);
        let ids: Vec<i64> = symbols.iter().map(|&symbol| i64::from(symbol)).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [rows * columns]), device);
        let places = self.columns.val().narrow(0, first, columns).unsqueeze_dim::<3>(0);
        let read = self.symbols.val().select(0, ids).reshape([rows, columns, WIDTH]) + places;

        // A column sees itself and what stands before it.
        let own = (columns > 1).then(|| {
            let seen = |row: usize, column: usize| column <= before + row;
            let sight = (0..columns)
                .flat_map(|row| (0..before + columns).map(move |column| (row, column)))
                .map(|(row, column)| if seen(row, column) { 0.0 } else { HIDDEN });
            let sight: Vec<f32> = sight.collect();
            Tensor::<4>::from_data(TensorData::new(sight, [1, 1, columns, before + columns]), device)
        });
        let fresh = Tensor::zeros([rows, 1, 1, columns], device);
        let (past, hidden) = match cache {
            Some(cache) => (
                cache.blocks.into_iter().map(Some).collect(),
                Tensor::cat(vec![cache.hidden, fresh], 3),
            ),
            None => (vec![None; BLOCKS], fresh),
        };
        let sight = match own {
            Some(own) => own + hidden.clone(),
            None => hidden.clone(),
        };
        let (mut states, mut blocks) = (read, Vec::with_capacity(BLOCKS));
        for (block, past) in self.blocks.iter().zip(past) {
            let (next, cached) = block.forward(states, past, &sight);
            states = next;
            blocks.push(cached);
        }
        (states, Cache { blocks, hidden })
    }

    /// Logits of the next symbol behind each of `columns` columns of the answers, `[rows * columns, symbols]`, and the
    /// cache with these columns. `written` has the symbols at the columns, row by row; `from` is the number of the
    /// first column within the answer, of which column 0 is [`BEGIN`].
    pub fn next(
        &self,
        shape: Shape,
        written: &[u8],
        columns: usize,
        from: usize,
        cache: Cache,
        device: &Device,
    ) -> (Tensor<2>, Cache) {
        let rows = cache.hidden.dims()[0];
        let (states, cache) =
            self.read(written, [rows, columns], shape.prompt + from, Some(cache), device);
        let states = self.norm.forward(states).reshape([rows * columns, WIDTH]);
        (self.output.forward(states), cache)
    }

    /// `ln p` of each symbol of answers that follow the rows of a cache, `[rows, columns]`: columns behind the end of
    /// an answer have numbers without a meaning.
    pub fn log_chances(
        &self,
        shape: Shape,
        answers: &[&[u8]],
        cache: Cache,
        device: &Device,
    ) -> Tensor<2> {
        let (rows, longest) =
            (answers.len(), answers.iter().map(|answer| answer.len()).max().unwrap_or(0));
        let (mut written, mut asked) = (Vec::new(), Vec::new());
        for answer in answers {
            let filled = || answer.iter().copied().chain(std::iter::repeat(END));
            written.extend(std::iter::once(BEGIN).chain(filled()).take(longest));
            asked.extend(filled().take(longest).map(i64::from));
        }
        let (logits, _) = self.next(shape, &written, longest, 0, cache, device);
        let asked = Tensor::<2, Int>::from_data(TensorData::new(asked, [rows * longest, 1]), device);
        log_softmax(logits, 1).gather(1, asked).reshape([rows, longest])
    }
}

impl Block {
    fn forward(
        &self,
        states: Tensor<3>,
        past: Option<(Tensor<4>, Tensor<4>)>,
        sight: &Tensor<4>,
    ) -> (Tensor<3>, (Tensor<4>, Tensor<4>)) {
        let [rows, columns, _] = states.dims();
        let dim = WIDTH / HEADS;
        let heads = |tensor: Tensor<3>| tensor.reshape([rows, columns, HEADS, dim]).swap_dims(1, 2);
        let read = self.before_attention.forward(states.clone());
        let query = heads(self.query.forward(read.clone()));
        let key = heads(self.key.forward(read.clone()));
        let value = heads(self.value.forward(read));
        let (key, value) = match past {
            Some((keys, values)) => {
                (Tensor::cat(vec![keys, key], 2), Tensor::cat(vec![values, value], 2))
            }
            None => (key, value),
        };
        let scores = query.matmul(key.clone().swap_dims(2, 3)) * (1.0 / (dim as f64).sqrt());
        let seen = softmax(scores + sight.clone(), 3).matmul(value.clone());
        let seen = seen.swap_dims(1, 2).reshape([rows, columns, WIDTH]);
        let states = states + self.gather.forward(seen);
        let inner = relu(self.widen.forward(self.before_inner.forward(states.clone())));
        (states + self.narrow.forward(inner), (key, value))
    }
}

/// Fills all matrices with normally distributed weights: tables, of which one row is read at a time, with a standard
/// deviation of 1/2, linear maps with a variance of one over their inputs. Vectors (biases and the gains of norms) stay.
struct Fill {
    rng: Rng,
    tables: [ParamId; 2],
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_table = self.tables.contains(&param.id);
        param.map(|old| {
            let shape = old.dims();
            if D != 2 {
                return old;
            }
            let scale = if is_table { 0.5 } else { (1.0 / shape[0] as f64).sqrt() };
            let count = shape.iter().product();
            let data: Vec<f32> = (0..count).map(|_| (scale * self.rng.normal()) as f32).collect();
            let device = old.device();
            Tensor::from_data(TensorData::new(data, shape), &device).require_grad()
        })
    }
}
