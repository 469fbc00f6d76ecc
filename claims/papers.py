"""The papers as values; a claim cites one of them.

Those of the second generation have a file of their own, and are cited from here all the same.
"""

from __future__ import annotations

from claims.second_generation import AINSWORTH2022 as AINSWORTH2022
from claims.second_generation import AKARCHMER2024 as AKARCHMER2024
from claims.second_generation import BARTLETT2017 as BARTLETT2017
from claims.second_generation import BARTLETT2020 as BARTLETT2020
from claims.second_generation import BUBECK2020 as BUBECK2020
from claims.second_generation import CHIZAT2019 as CHIZAT2019
from claims.second_generation import COHEN2021 as COHEN2021
from claims.second_generation import DINH2017 as DINH2017
from claims.second_generation import DZIUGAITE2017 as DZIUGAITE2017
from claims.second_generation import FELDMAN2020 as FELDMAN2020
from claims.second_generation import FRANKLE2020 as FRANKLE2020
from claims.second_generation import GRANZIOL2020 as GRANZIOL2020
from claims.second_generation import GROMOV2023 as GROMOV2023
from claims.second_generation import LEWKOWYCZ2020 as LEWKOWYCZ2020
from claims.second_generation import LIU2020 as LIU2020
from claims.second_generation import LYU2020 as LYU2020
from claims.second_generation import MAENNEL2020 as MAENNEL2020
from claims.second_generation import MALLINAR2022 as MALLINAR2022
from claims.second_generation import MCMAHAN2017 as MCMAHAN2017
from claims.second_generation import NAGARAJAN2019 as NAGARAJAN2019
from claims.second_generation import PAPYAN2020 as PAPYAN2020
from claims.second_generation import POWER2022 as POWER2022
from claims.second_generation import SOUDRY2018 as SOUDRY2018
from claims.second_generation import ZHANG2020 as ZHANG2020
from harness.spec.claim import Paper

ZHANG2017 = Paper(
    key="ZHANG2017",
    authors="Chiyuan Zhang, Samy Bengio, Moritz Hardt, Benjamin Recht, Oriol Vinyals",
    title="Understanding deep learning requires rethinking generalization",
    venue="ICLR 2017, arXiv 1611.03530",
    year=2017,
    url="https://arxiv.org/abs/1611.03530",
)

ZHANG2021 = Paper(
    key="ZHANG2021",
    authors="Chiyuan Zhang, Samy Bengio, Moritz Hardt, Benjamin Recht, Oriol Vinyals",
    title="Understanding deep learning (still) requires rethinking generalization",
    venue="Communications of the ACM 64(3), 2021",
    year=2021,
    url="https://doi.org/10.1145/3446776",
)

EPFL = Paper(
    key="EPFL",
    authors="Wang, Wang, Wang",
    title="Reproduction of Understanding Deep Learning Requires Rethinking Generalization",
    venue="EPFL, project report of the course EE-411",
    year=None,
    url="https://github.com/Bohan7/Reproduction-of-Understanding-Deep-Learning-Requires-Rethinking-Generalization",
)

NGUYEN2019 = Paper(
    key="NGUYEN2019",
    authors="Quynh Nguyen",
    title="On connected sublevel sets in deep learning",
    venue="ICML 2019, arXiv 1901.07417",
    year=2019,
    url="https://arxiv.org/abs/1901.07417",
)

NGUYEN2021 = Paper(
    key="NGUYEN2021",
    authors="Quynh Nguyen",
    title="A note on connectivity of sublevel sets in deep learning",
    venue="arXiv 2101.08576",
    year=2021,
    url="https://arxiv.org/abs/2101.08576",
)

GARIPOV2018 = Paper(
    key="GARIPOV2018",
    authors="Timur Garipov, Pavel Izmailov, Dmitrii Podoprikhin, Dmitry Vetrov, Andrew Gordon Wilson",
    title="Loss surfaces, mode connectivity, and fast ensembling of DNNs",
    venue="NeurIPS 2018, arXiv 1802.10026",
    year=2018,
    url="https://arxiv.org/abs/1802.10026",
)

DRAXLER2018 = Paper(
    key="DRAXLER2018",
    authors="Felix Draxler, Kambis Veschgini, Manfred Salmhofer, Fred Hamprecht",
    title="Essentially no barriers in neural network energy landscape",
    venue="ICML 2018, arXiv 1803.00885",
    year=2018,
    url="https://arxiv.org/abs/1803.00885",
)

SANTURKAR2018 = Paper(
    key="SANTURKAR2018",
    authors="Shibani Santurkar, Dimitris Tsipras, Andrew Ilyas, Aleksander Madry",
    title="How does batch normalization help optimization?",
    venue="NeurIPS 2018, arXiv 1805.11604",
    year=2018,
    url="https://arxiv.org/abs/1805.11604",
)

BLIER2018 = Paper(
    key="BLIER2018",
    authors="Léonard Blier, Yann Ollivier",
    title="The description length of deep learning models",
    venue="NeurIPS 2018, arXiv 1802.07044",
    year=2018,
    url="https://arxiv.org/abs/1802.07044",
)

ARPIT2017 = Paper(
    key="ARPIT2017",
    authors="Devansh Arpit, Stanisław Jastrzębski, Nicolas Ballas, David Krueger, Emmanuel Bengio, "
    "Maxinder Kanwal, Tegan Maharaj, Asja Fischer, Aaron Courville, Yoshua Bengio, Simon Lacoste-Julien",
    title="A closer look at memorization in deep networks",
    venue="ICML 2017, arXiv 1706.05394",
    year=2017,
    url="https://arxiv.org/abs/1706.05394",
)

ZHANG2022 = Paper(
    key="ZHANG2022",
    authors="Chiyuan Zhang, Samy Bengio, Yoram Singer",
    title="Are all layers created equal?",
    venue="JMLR 23 (2022), arXiv 1902.01996",
    year=2022,
    url="https://arxiv.org/abs/1902.01996",
)

BELKIN2019 = Paper(
    key="BELKIN2019",
    authors="Mikhail Belkin, Daniel Hsu, Siyuan Ma, Soumik Mandal",
    title="Reconciling modern machine-learning practice and the classical bias-variance trade-off",
    venue="PNAS 116(32), 2019, arXiv 1812.11118",
    year=2019,
    url="https://arxiv.org/abs/1812.11118",
)

HASTIE2019 = Paper(
    key="HASTIE2019",
    authors="Trevor Hastie, Andrea Montanari, Saharon Rosset, Ryan J. Tibshirani",
    title="Surprises in High-Dimensional Ridgeless Least Squares Interpolation",
    venue="Annals of Statistics 50(2), 2022, arXiv 1903.08560",
    year=2019,
    url="https://arxiv.org/abs/1903.08560",
)

BHX2019 = Paper(
    key="BHX2019",
    authors="Mikhail Belkin, Daniel Hsu, Ji Xu",
    title="Two models of double descent for weak features",
    venue="SIAM Journal on Mathematics of Data Science 2(4), 2020, arXiv 1903.07571",
    year=2019,
    url="https://arxiv.org/abs/1903.07571",
)

NAKKIRAN2019 = Paper(
    key="NAKKIRAN2019",
    authors="Preetum Nakkiran",
    title="More Data Can Hurt for Linear Regression: Sample-wise Double Descent",
    venue="arXiv 1912.07242",
    year=2019,
    url="https://arxiv.org/abs/1912.07242",
)

NAKKIRAN2021 = Paper(
    key="NAKKIRAN2021",
    authors="Preetum Nakkiran, Prayaag Venkat, Sham Kakade, Tengyu Ma",
    title="Optimal Regularization Can Mitigate Double Descent",
    venue="ICLR 2021, arXiv 2003.01897",
    year=2021,
    url="https://arxiv.org/abs/2003.01897",
)

MEI2019 = Paper(
    key="MEI2019",
    authors="Song Mei, Andrea Montanari",
    title="The generalization error of random features regression: Precise asymptotics and double descent "
    "curve",
    venue="Communications on Pure and Applied Mathematics 75(4), 2022, arXiv 1908.05355",
    year=2019,
    url="https://arxiv.org/abs/1908.05355",
)

NEAL2018 = Paper(
    key="NEAL2018",
    authors="Brady Neal, Sarthak Mittal, Aristide Baratin, Vinayak Tantia, Matthew Scicluna, "
    "Simon Lacoste-Julien, Ioannis Mitliagkas",
    title="A Modern Take on the Bias-Variance Tradeoff in Neural Networks",
    venue="arXiv 1810.08591",
    year=2018,
    url="https://arxiv.org/abs/1810.08591",
)

YANG2020 = Paper(
    key="YANG2020",
    authors="Zitong Yang, Yaodong Yu, Chong You, Jacob Steinhardt, Yi Ma",
    title="Rethinking Bias-Variance Trade-off for Generalization of Neural Networks",
    venue="ICML 2020, arXiv 2002.11328",
    year=2020,
    url="https://arxiv.org/abs/2002.11328",
)

DASCOLI2020 = Paper(
    key="DASCOLI2020",
    authors="Stéphane d'Ascoli, Maria Refinetti, Giulio Biroli, Florent Krzakala",
    title="Double Trouble in Double Descent: Bias and Variance(s) in the Lazy Regime",
    venue="ICML 2020, arXiv 2003.01054",
    year=2020,
    url="https://arxiv.org/abs/2003.01054",
)

HECKEL2021 = Paper(
    key="HECKEL2021",
    authors="Reinhard Heckel, Fatih Furkan Yilmaz",
    title="Early Stopping in Deep Networks: Double Descent and How to Eliminate it",
    venue="ICLR 2021, arXiv 2007.10099",
    year=2021,
    url="https://arxiv.org/abs/2007.10099",
)

CURTH2023 = Paper(
    key="CURTH2023",
    authors="Alicia Curth, Alan Jeffares, Mihaela van der Schaar",
    title="A U-turn on Double Descent: Rethinking Parameter Counting in Statistical Learning",
    venue="NeurIPS 2023, arXiv 2310.18988",
    year=2023,
    url="https://arxiv.org/abs/2310.18988",
)

BARRETT2021 = Paper(
    key="BARRETT2021",
    authors="David G. T. Barrett, Benoit Dherin",
    title="Implicit Gradient Regularization",
    venue="ICLR 2021, arXiv 2009.11162",
    year=2021,
    url="https://arxiv.org/abs/2009.11162",
)

SMITH2021 = Paper(
    key="SMITH2021",
    authors="Samuel L. Smith, Benoit Dherin, David G. T. Barrett, Soham De",
    title="On the Origin of Implicit Regularization in Stochastic Gradient Descent",
    venue="ICLR 2021, arXiv 2101.12176",
    year=2021,
    url="https://arxiv.org/abs/2101.12176",
)

BRUTZKUS2019 = Paper(
    key="BRUTZKUS2019",
    authors="Alon Brutzkus, Amir Globerson",
    title="Why do Larger Models Generalize Better? A Theoretical Perspective via the XOR Problem",
    venue="ICML 2019, arXiv 1810.03037",
    year=2019,
    url="https://arxiv.org/abs/1810.03037",
)

DU2019 = Paper(
    key="DU2019",
    authors="Simon S. Du, Xiyu Zhai, Barnabas Poczos, Aarti Singh",
    title="Gradient Descent Provably Optimizes Over-parameterized Neural Networks",
    venue="ICLR 2019, arXiv 1810.02054",
    year=2019,
    url="https://arxiv.org/abs/1810.02054",
)

ARORA2019 = Paper(
    key="ARORA2019",
    authors="Sanjeev Arora, Simon S. Du, Wei Hu, Zhiyuan Li, Ruosong Wang",
    title="Fine-Grained Analysis of Optimization and Generalization for Overparameterized Two-Layer Neural "
    "Networks",
    venue="ICML 2019, arXiv 1901.08584",
    year=2019,
    url="https://arxiv.org/abs/1901.08584",
)

NAKKIRAN2020 = Paper(
    key="NAKKIRAN2020",
    authors="Preetum Nakkiran, Gal Kaplun, Yamini Bansal, Tristan Yang, Boaz Barak, Ilya Sutskever",
    title="Deep Double Descent: Where Bigger Models and More Data Hurt",
    venue="ICLR 2020, arXiv 1912.02292",
    year=2020,
    url="https://arxiv.org/abs/1912.02292",
)

FRANKLE2019 = Paper(
    key="FRANKLE2019",
    authors="Jonathan Frankle, Michael Carbin",
    title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
    venue="ICLR 2019, arXiv 1803.03635",
    year=2019,
    url="https://arxiv.org/abs/1803.03635",
)

LI2018 = Paper(
    key="LI2018",
    authors="Chunyuan Li, Heerad Farkhoor, Rosanne Liu, Jason Yosinski",
    title="Measuring the Intrinsic Dimension of Objective Landscapes",
    venue="ICLR 2018, arXiv 1804.08838",
    year=2018,
    url="https://arxiv.org/abs/1804.08838",
)

STUDENT = Paper(
    key="STUDENT",
    authors="Abuhazera, Monsonego",
    title="Overparameterization Project: a student extension of Zhang et al. 2017",
    venue="project report with a public repository",
    year=None,
    url="https://github.com/ItayAbuhazera/OverparameterizationProject",
)

OVERCLAIM = Paper(
    key="OVERCLAIM",
    authors="the authors of this suite",
    title="What the sources leave unsaid: counter-claims and limits of our own",
    venue="this repository",
    year=2026,
    url="",
)
