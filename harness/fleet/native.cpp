// Training of small nets on one CPU thread, in float32 or rounded to bfloat16: blocks of (unpadded
// convolution, 2x2 max-pool, ReLU), then dense layers with ReLU between. In float32 also other convolutional
// nets (native_maps.h), and dense layers that are normalized, masked, or whose inputs are dropped. native.py
// compiles this file and calls the functions at its end; one call trains a whole epoch, so nothing but
// arithmetic happens between two steps.
//
// Convolutions hold one example per lane of a vector: then no shape wastes lanes and nothing is shuffled
// (native_convolution.h). Dense layers hold one example per row (native_dense.h). Results depend neither
// on threads nor on addresses: the same input gives the same bits.
#include <cmath>
#include <new>

#include "native_convolution.h"
#include "native_dense.h"
#include "native_maps.h"

// exp for arguments up to 0, as in Cephes: 2^n times a polynomial, relative error about 1e-7.
INLINE V exponential(V x) {
  x = x < -87 ? all(-87) : x;
  const V n = (x * 1.44269504f + 12582912.f) - 12582912.f;  // adding 1.5 x 2^23 rounds to an integer
  const V r = x - n * 0.693359375f + n * 2.12194440e-4f;    // ln 2 in two parts
  V p = all(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    p = p * r + c;
  return (p * r * r + r + 1) * (V)((__builtin_convertvector(n, Mask) + 127) << 23);
}

struct Loss {
  int classes, squared;
  Vectors z;  // [class, up to whole vectors], one example per lane: logits, then their gradients

  // The sum of the losses of `count` examples; d(mean loss) / d(logits) into gradient. Both arrays are
  // [count][stride].
  double operator()(const float* logits, const int64_t* labels, int count, size_t stride, float* gradient) {
    double total = 0;
    for (int b = 0; b < count; b += L) {
      const int here = std::min(L, count - b);
      read(logits + b * stride, here, stride);
      Mask label = {};
      for (int i = 0; i < here; i++) label[i] = (int)labels[b + i];
      V own = {};
      const V losses = squared ? squares(label, count) : entropies(label, count, own);
      for (int i = 0; i < here; i++) total += squared ? losses[i] : std::log((double)losses[i]) - own[i];
      from_lanes(z.data(), classes, here, gradient + b * stride, stride);
    }
    return total;
  }

  // The logits of up to L examples; lanes beyond the last repeat it.
  void read(const float* logits, int here, size_t stride) {
    const float* rows[L];
    for (int i = 0; i < L; i++) rows[i] = logits + std::min(i, here - 1) * stride;
    whole_to_lanes(rows, classes, z.data());
  }

  // wrong[i] = 1 where the largest of the logits [count][stride], the first of equals, is not at label i.
  void mistakes(const float* logits, const int64_t* labels, int count, size_t stride, uint8_t* wrong) {
    for (int b = 0; b < count; b += L) {
      const int here = std::min(L, count - b);
      read(logits + b * stride, here, stride);
      V most = z[0];
      Mask which = {};
      for (int c = 1; c < classes; c++) {
        const Mask more = z[c] > most;
        most = more ? z[c] : most;
        which = more ? Mask{} + c : which;
      }
      for (int i = 0; i < here; i++) wrong[b + i] = which[i] != labels[b + i];
    }
  }

  // Mean over the classes of (output - one-hot)^2.
  V squares(Mask label, int count) {
    V sum = {};
    for (int c = 0; c < classes; c++) {
      const V off = label == c ? z[c] - 1 : z[c];
      sum += off * off;
      z[c] = off * (2.f / ((float)count * classes));
    }
    return sum / (float)classes;
  }

  // Softmax cross-entropy as log(the result) - own, both relative to the largest logit.
  V entropies(Mask label, int count, V& own) {
    V most = z[0], sum = {};
    for (int c = 1; c < classes; c++) most = z[c] > most ? z[c] : most;
    for (int c = 0; c < classes; c++) {
      own = label == c ? z[c] - most : own;
      sum += z[c] = exponential(z[c] - most);
    }
    const V scale = 1 / (sum * (float)count);
    for (int c = 0; c < classes; c++) z[c] = z[c] * scale - (label == c ? all(1.f / count) : V{});
    return sum;
  }
};

struct Net {
  int capacity, size;  // most examples of a step, in whole vectors; numbers in one example
  Rule rule;
  Rounding rounding;
  Loss loss;
  Graph graph;  // of stages, or
  std::vector<Convolution> convolutions;
  std::vector<Dense> layers;
  Vectors flat, gradient, next_gradient, full;                  // of one group of L examples
  Floats features, rows_gradient, next_rows_gradient, nothing;  // [example][feature] of a step

  Net(const int64_t* spec, const double* reals, int stages, int n_convolutions, int n_layers, int most,
      int squared, int reduced, const double* rule)
      : capacity(vectors(most) * L), rule(rule), rounding{reduced != 0} {
    size_t map = 0, spread = 0, widest = 0;
    if (stages) {
      graph.make(spec, reals, stages, capacity / L);
      map = graph.images.size(), spec += 3 + stages * Graph::INTEGERS, reals += stages * Graph::REALS;
    }
    for (int i = 0; i < n_convolutions; i++, spec += 6) {
      const Convolution& c = convolutions.emplace_back(spec, capacity / L, rounding);
      map = std::max({map, c.in_size(), c.out_size()});
      spread = std::max(spread, c.outputs * c.spread_map());
    }
    for (int i = 0; i < n_layers; i++, spec += Dense::INTEGERS, reals += Dense::REALS) {
      const bool gated = i || n_convolutions;
      const Dense& d = layers.emplace_back(spec, reals, i + 1 == n_layers, gated, capacity, rounding);
      widest = std::max({widest, d.in_stride, d.out_stride});
    }
    size = stages ? (int)map : n_convolutions ? (int)convolutions[0].in_size() : layers[0].inputs;
    flat.resize(map), gradient.resize(map), next_gradient.resize(map), full.resize(spread);
    features.resize(capacity * layers[0].in_stride), nothing.resize(widest);
    rows_gradient.resize(capacity * widest), next_rows_gradient.resize(capacity * widest);
    loss = {layers.back().outputs, squared, Vectors(vectors(layers.back().outputs) * L)};
    if (this->rule.adaptive) each([](Parameters& p, int, int, size_t, size_t) { p.adapt(); });
  }

  // f(parameters, rows, columns, distance of rows, distance of columns), in the order of torch's state_dict.
  template <class F> void each(F f) {
    graph.each(f);
    for (Convolution& c : convolutions) {
      f(c.weights, c.outputs, c.taps, 1, c.outputs);
      if (c.has_bias) f(c.bias, 1, c.outputs, 0, 1);
    }
    for (Dense& d : layers) {
      f(d.weights, d.outputs, d.inputs, d.in_stride, 1);
      if (d.has_bias) f(d.bias, 1, d.outputs, 0, 1);
    }
  }

  // The same for what is kept beside them: running moments and masks.
  template <class F> void each_buffer(F f) {
    graph.each_buffer(f);
    for (Dense& d : layers) {
      if (d.masked()) f(d.mask.data(), d.outputs, d.inputs, d.in_stride);
      if (d.norm.features)
        f(d.norm.moments.mean.data(), 1, d.outputs, 0), f(d.norm.moments.variance.data(), 1, d.outputs, 0);
    }
  }

  bool convolves() const { return !convolutions.empty() || !graph.stages.empty(); }

  void prepare() {
    graph.prepare();
    for (Convolution& c : convolutions) c.prepare();
    for (Dense& d : layers) d.prepare();
  }

  // kept: of each layer's inputs those that are not dropped in this step, or null; none in evaluation.
  void forward(const float* x, const int64_t* chosen, int count, const uint8_t* const* kept = nullptr) {
    if (!graph.stages.empty()) convolve_all(x, chosen, Batch(count, kept != nullptr));
    for (int g = 0; g * L < count && !convolutions.empty(); g++) convolve(x, chosen, count, g);
    for (int b = 0; b < count; b++) {
      float* row = features.data() + b * layers[0].in_stride;
      layers[0].rows[b] = convolves() ? row : read(x + chosen[b] * size, row);
    }
    for (size_t d = 0; d < layers.size(); d++) {
      Dense& layer = layers[d];
      if (kept && kept[d]) layer.drop(kept[d], count, d ? layers[d - 1].output.data() : features.data());
      layer.forward(count);
      if (layer.norm.features) layer.norm.forward(layer.output.data(), count, kept != nullptr);
      if (layer.squared) layer.square(count);
      for (int b = 0; b < count && d + 1 < layers.size(); b++)
        layers[d + 1].rows[b] = layer.output.data() + b * layer.out_stride;
    }
  }

  // All groups through the graph, up to the first dense layer.
  void convolve_all(const float* x, const int64_t* chosen, const Batch& batch) {
    const size_t stride = layers[0].in_stride;
    for (int g = 0; g < batch.groups; g++) {
      const float* rows[L];
      for (int i = 0; i < L; i++) rows[i] = x + chosen[std::min(g * L + i, batch.count - 1)] * size;
      to_lanes(rows, size, graph.images.at(g));
    }
    graph.forward(batch);
    for (int g = 0; g < batch.groups; g++)
      from_lanes(graph.last().at(g), layers[0].inputs, L, features.data() + g * L * stride, stride);
  }

  void convolve_all_back(const Batch& batch) {
    for (int g = 0; g < batch.groups; g++) to_lanes_back(batch.count, g, graph.last().gradient(g));
    graph.backward(batch);
    graph.update(rule);
  }

  // The gradients of a group's features, zero in lanes beyond the last example.
  void to_lanes_back(int count, int g, V* out) const {
    const float* rows[L];
    for (int i = 0; i < L; i++)
      rows[i] = g * L + i < count ? rows_gradient.data() + (g * L + i) * layers[0].in_stride : nothing.data();
    to_lanes(rows, layers[0].inputs, out);
  }

  // A row of whole vectors is used where it is; another is copied, since a vector would reach past its end,
  // and so is one to be rounded.
  const float* read(const float* example, float* row) const {
    if (size % L == 0 && !rounding.reduced) return example;
    std::memcpy(row, example, sizeof(float) * size);
    for (int i = 0; i < size; i += L) store(row + i, rounding(load(row + i)));
    return row;
  }

  // Group g up to the first dense layer. Lanes beyond the last example repeat it; their gradient is zero.
  void convolve(const float* x, const int64_t* chosen, int count, int g) {
    const float* rows[L];
    for (int i = 0; i < L; i++) rows[i] = x + chosen[std::min(g * L + i, count - 1)] * size;
    V* input = &convolutions[0].input[g * size];
    to_lanes(rows, size, input);
    for (int i = 0; rounding.reduced && i < size; i++) input[i] = bfloat16(input[i]);
    for (size_t l = 0; l < convolutions.size(); l++) {
      Convolution* next = l + 1 < convolutions.size() ? &convolutions[l + 1] : nullptr;
      convolutions[l].forward(g, next ? &next->input[g * next->in_size()] : flat.data());
    }
    const size_t stride = layers[0].in_stride;
    from_lanes(flat.data(), layers[0].inputs, L, features.data() + g * L * stride, stride);
  }

  // One step of gradient descent; the sum of the losses before it.
  double step(const float* x, const int64_t* chosen, const int64_t* labels, int count,
              const uint8_t* const* kept) {
    prepare();
    forward(x, chosen, count, kept);
    const Dense& last = layers.back();
    const double total = loss(last.output.data(), labels, count, last.out_stride, rows_gradient.data());
    for (size_t i = 0; rounding.reduced && i < count * last.out_stride; i += L)
      store(rows_gradient.data() + i, bfloat16(load(rows_gradient.data() + i)));
    for (size_t d = layers.size(); d-- > 0;) {
      if (layers[d].norm.features) layers[d].norm.backward(rows_gradient.data(), count);
      if (layers[d].squared) layers[d].square_back(count, rows_gradient.data());
      if (d || convolves())
        layers[d].input_gradients(count, rows_gradient.data(), next_rows_gradient.data());
      if (kept[d]) layers[d].drop(kept[d], count, next_rows_gradient.data());
      layers[d].update(count, rows_gradient.data(), rule);
      std::swap(rows_gradient, next_rows_gradient);
    }
    if (!graph.stages.empty()) convolve_all_back(Batch(count, true));
    for (Convolution& c : convolutions) c.turn();
    for (int g = 0; g * L < count && !convolutions.empty(); g++) convolve_back(count, g);
    for (Convolution& c : convolutions) c.update(rule);
    return total;
  }

  void convolve_back(int count, int g) {
    to_lanes_back(count, g, gradient.data());
    for (size_t l = convolutions.size(); l-- > 0;) {
      convolutions[l].spread(g, gradient.data(), full.data());
      convolutions[l].weight_gradients(g, full.data());
      if (l) convolutions[l].input_gradients(full.data(), next_gradient.data());
      std::swap(gradient, next_gradient);
    }
  }
};

extern "C" {
// spec: of a graph what Graph::make reads; channels, outputs, kernel, height, width, bias of each convolution;
// then of each dense layer inputs, outputs, and whether it has biases, a mask, normalized outputs, dropped inputs
// and squares after it. reals: of the stages and of the dense layers (epsilon and momentum of their normalization,
// the share dropped). reduced: round to bfloat16. rule: as Rule reads it. Null where memory is short.
Net* native_new(const int64_t* spec, const double* reals, int stages, int convolutions, int layers, int most,
                int squared, int reduced, const double* rule) {
  try {
    return new Net(spec, reals, stages, convolutions, layers, most, squared, reduced, rule);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void native_free(Net* net) { delete net; }

// All parameters, velocities and, of Adam, means of squares (else null), one after the other in torch's layout,
// into the net or out of it.
void native_copy(Net* net, float* weights, float* velocities, float* squares, int into) {
  const auto move = [&](float* own, float*& other) {
    if (into) *own = *other++;
    else *other++ = *own;
  };
  net->each([&](Parameters& own, int rows, int columns, size_t row, size_t column) {
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c++) {
        const size_t at = r * row + c * column;
        move(own.w() + at, weights), move(own.v() + at, velocities);
        if (squares) move(own.q() + at, squares);
      }
  });
}

// Running moments and masks, one after the other, into the net or out of it.
void native_copy_buffers(Net* net, float* numbers, int into) {
  net->each_buffer([&](float* own, int rows, int columns, size_t row) {
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c++, numbers++) {
        float& number = own[r * row + c];
        if (into) number = *numbers;
        else *numbers = number;
      }
  });
}

// Step s takes examples order[bounds[s]] to order[bounds[s + 1] - 1]; the sum of all losses on the way.
// kept: of each dense layer null, or which inputs of the i-th example in the order are not dropped. taken: how
// many steps were taken before.
double native_epoch(Net* net, const float* x, const int64_t* y, const int64_t* order, const int64_t* bounds,
                    const double* rates, int steps, const uint8_t* const* kept, int64_t taken) {
  const FlushDenormals flush;
  std::vector<int64_t> labels(net->capacity);
  std::vector<const uint8_t*> here(net->layers.size());
  double total = 0;
  for (int s = 0; s < steps; s++) {
    const int64_t* chosen = order + bounds[s];
    const int count = (int)(bounds[s + 1] - bounds[s]);
    for (int b = 0; b < count; b++) labels[b] = y[chosen[b]];
    for (size_t d = 0; d < here.size(); d++)
      here[d] = kept[d] ? kept[d] + bounds[s] * net->layers[d].inputs : nullptr;
    net->rule.begin(rates[s], taken + s + 1);
    total += net->step(x, chosen, labels.data(), count, here.data());
  }
  return total;
}

// wrong[i] = 1 where the largest output of example i, the first of equals, is not at its label.
void native_errors(Net* net, const float* x, const int64_t* y, int64_t n, uint8_t* wrong) {
  const FlushDenormals flush;
  const Dense& last = net->layers.back();
  std::vector<int64_t> chosen(net->capacity);
  net->prepare();
  for (int64_t first = 0; first < n; first += net->capacity) {
    const int count = (int)std::min<int64_t>(net->capacity, n - first);
    for (int b = 0; b < count; b++) chosen[b] = first + b;
    net->forward(x, chosen.data(), count);
    net->loss.mistakes(last.output.data(), y + first, count, last.out_stride, wrong + first);
  }
}
}
