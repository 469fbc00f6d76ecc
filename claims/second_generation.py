"""The papers of the second generation, as values; claims cite them from ``claims.papers``."""

from __future__ import annotations

from harness.spec.claim import Paper

LEWKOWYCZ2020 = Paper(
    key="LEWKOWYCZ2020",
    authors="Aitor Lewkowycz, Yasaman Bahri, Ethan Dyer, Jascha Sohl-Dickstein, Guy Gur-Ari",
    title="The large learning rate phase of deep learning: the catapult mechanism",
    venue="arXiv 2003.02218",
    year=2020,
    url="https://arxiv.org/abs/2003.02218",
)

SOUDRY2018 = Paper(
    key="SOUDRY2018",
    authors="Daniel Soudry, Elad Hoffer, Mor Shpigel Nacson, Suriya Gunasekar, Nathan Srebro",
    title="The implicit bias of gradient descent on separable data",
    venue="JMLR 19 (2018), arXiv 1710.10345",
    year=2018,
    url="https://arxiv.org/abs/1710.10345",
)

BARTLETT2020 = Paper(
    key="BARTLETT2020",
    authors="Peter L. Bartlett, Philip M. Long, Gábor Lugosi, Alexander Tsigler",
    title="Benign overfitting in linear regression",
    venue="PNAS 117(48), 2020, arXiv 1906.11300",
    year=2020,
    url="https://arxiv.org/abs/1906.11300",
)

MALLINAR2022 = Paper(
    key="MALLINAR2022",
    authors="Neil Mallinar, James B. Simon, Amirhesam Abedsoltan, Parthe Pandit, Mikhail Belkin, "
    "Preetum Nakkiran",
    title="Benign, tempered, or catastrophic: a taxonomy of overfitting",
    venue="NeurIPS 2022, arXiv 2207.06569",
    year=2022,
    url="https://arxiv.org/abs/2207.06569",
)

NAGARAJAN2019 = Paper(
    key="NAGARAJAN2019",
    authors="Vaishnavh Nagarajan, J. Zico Kolter",
    title="Uniform convergence may be unable to explain generalization in deep learning",
    venue="NeurIPS 2019, arXiv 1902.04742",
    year=2019,
    url="https://arxiv.org/abs/1902.04742",
)

BUBECK2020 = Paper(
    key="BUBECK2020",
    authors="Sébastien Bubeck, Ronen Eldan, Yin Tat Lee, Dan Mikulincer",
    title="Network size and size of the weights in memorization with two-layers neural networks",
    venue="NeurIPS 2020, arXiv 2006.02855",
    year=2020,
    url="https://arxiv.org/abs/2006.02855",
)

DINH2017 = Paper(
    key="DINH2017",
    authors="Laurent Dinh, Razvan Pascanu, Samy Bengio, Yoshua Bengio",
    title="Sharp minima can generalize for deep nets",
    venue="ICML 2017, arXiv 1703.04933",
    year=2017,
    url="https://arxiv.org/abs/1703.04933",
)

COHEN2021 = Paper(
    key="COHEN2021",
    authors="Jeremy M. Cohen, Simran Kaur, Yuanzhi Li, J. Zico Kolter, Ameet Talwalkar",
    title="Gradient descent on neural networks typically occurs at the edge of stability",
    venue="ICLR 2021, arXiv 2103.00065",
    year=2021,
    url="https://arxiv.org/abs/2103.00065",
)

POWER2022 = Paper(
    key="POWER2022",
    authors="Alethea Power, Yuri Burda, Harri Edwards, Igor Babuschkin, Vedant Misra",
    title="Grokking: generalization beyond overfitting on small algorithmic datasets",
    venue="arXiv 2201.02177",
    year=2022,
    url="https://arxiv.org/abs/2201.02177",
)

GROMOV2023 = Paper(
    key="GROMOV2023",
    authors="Andrey Gromov",
    title="Grokking modular arithmetic",
    venue="arXiv 2301.02679",
    year=2023,
    url="https://arxiv.org/abs/2301.02679",
)

LIU2020 = Paper(
    key="LIU2020",
    authors="Shengchao Liu, Dimitris Papailiopoulos, Dimitris Achlioptas",
    title="Bad global minima exist and SGD can reach them",
    venue="NeurIPS 2020, arXiv 1906.02613",
    year=2020,
    url="https://arxiv.org/abs/1906.02613",
)

PAPYAN2020 = Paper(
    key="PAPYAN2020",
    authors="Vardan Papyan, X. Y. Han, David L. Donoho",
    title="Prevalence of neural collapse during the terminal phase of deep learning training",
    venue="Proceedings of the National Academy of Sciences 117 (40), arXiv 2008.08186",
    year=2020,
    url="https://arxiv.org/abs/2008.08186",
)

CHIZAT2019 = Paper(
    key="CHIZAT2019",
    authors="Lénaïc Chizat, Edouard Oyallon, Francis Bach",
    title="On lazy training in differentiable programming",
    venue="NeurIPS 2019, arXiv 1812.07956",
    year=2019,
    url="https://arxiv.org/abs/1812.07956",
)

AINSWORTH2022 = Paper(
    key="AINSWORTH2022",
    authors="Samuel K. Ainsworth, Jonathan Hayase, Siddhartha Srinivasa",
    title="Git Re-Basin: merging models modulo permutation symmetries",
    venue="ICLR 2023, arXiv 2209.04836",
    year=2022,
    url="https://arxiv.org/abs/2209.04836",
)

DZIUGAITE2017 = Paper(
    key="DZIUGAITE2017",
    authors="Gintare Karolina Dziugaite, Daniel M. Roy",
    title="Computing nonvacuous generalization bounds for deep (stochastic) neural networks with many more "
    "parameters than training data",
    venue="UAI 2017, arXiv 1703.11008",
    year=2017,
    url="https://arxiv.org/abs/1703.11008",
)

MAENNEL2020 = Paper(
    key="MAENNEL2020",
    authors="Hartmut Maennel, Ibrahim Alabdulmohsin, Ilya Tolstikhin, Robert J. N. Baldock, "
    "Olivier Bousquet, Sylvain Gelly, Daniel Keysers",
    title="What do neural networks learn when trained with random labels?",
    venue="NeurIPS 2020, arXiv 2006.10455",
    year=2020,
    url="https://arxiv.org/abs/2006.10455",
)

FELDMAN2020 = Paper(
    key="FELDMAN2020",
    authors="Vitaly Feldman, Chiyuan Zhang",
    title="What neural networks memorize and why: discovering the long tail via influence estimation",
    venue="NeurIPS 2020, arXiv 2008.03703",
    year=2020,
    url="https://arxiv.org/abs/2008.03703",
)

ZHANG2020 = Paper(
    key="ZHANG2020",
    authors="Chiyuan Zhang, Samy Bengio, Moritz Hardt, Michael C. Mozer, Yoram Singer",
    title="Identity crisis: memorization and generalization under extreme overparameterization",
    venue="ICLR 2020, arXiv 1902.04698",
    year=2020,
    url="https://arxiv.org/abs/1902.04698",
)

AKARCHMER2024 = Paper(
    key="AKARCHMER2024",
    authors="akarchmer0",
    title="Rethinking deep learning generalization: a challenge to Zhang et al. (2017)",
    venue="public repository",
    year=2024,
    url="https://github.com/akarchmer0/rethinking-rethinking-generalization",
)

FRANKLE2020 = Paper(
    key="FRANKLE2020",
    authors="Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy, Michael Carbin",
    title="Linear mode connectivity and the lottery ticket hypothesis",
    venue="ICML 2020, arXiv 1912.05671",
    year=2020,
    url="https://arxiv.org/abs/1912.05671",
)

LYU2020 = Paper(
    key="LYU2020",
    authors="Kaifeng Lyu, Jian Li",
    title="Gradient descent maximizes the margin of homogeneous neural networks",
    venue="ICLR 2020, arXiv 1906.05890",
    year=2020,
    url="https://arxiv.org/abs/1906.05890",
)

BARTLETT2017 = Paper(
    key="BARTLETT2017",
    authors="Peter L. Bartlett, Dylan J. Foster, Matus Telgarsky",
    title="Spectrally-normalized margin bounds for neural networks",
    venue="NeurIPS 2017, arXiv 1706.08498",
    year=2017,
    url="https://arxiv.org/abs/1706.08498",
)

GRANZIOL2020 = Paper(
    key="GRANZIOL2020",
    authors="Diego Granziol",
    title="Flatness is a false friend",
    venue="arXiv 2006.09091",
    year=2020,
    url="https://arxiv.org/abs/2006.09091",
)

MCMAHAN2017 = Paper(
    key="MCMAHAN2017",
    authors="H. Brendan McMahan, Eider Moore, Daniel Ramage, Seth Hampson, Blaise Agüera y Arcas",
    title="Communication-efficient learning of deep networks from decentralized data",
    venue="AISTATS 2017, arXiv 1602.05629",
    year=2017,
    url="https://arxiv.org/abs/1602.05629",
)
