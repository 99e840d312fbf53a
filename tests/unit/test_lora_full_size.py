"""The real architectures, without weights: which layers are adapted, and what kohya calls them.

Numbers of modules are those that kohya's trainer prints for SD 1.5 and SDXL.
"""

from typing import Any

import pytest
import torch
from melablate.models.lora_keys import kohya_name
from melablate.training.lora import target_layers


def unet(xl: bool) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    cross, plain = ["CrossAttnDownBlock2D"], ["DownBlock2D"]
    cross_up, plain_up = ["CrossAttnUpBlock2D"], ["UpBlock2D"]
    options: dict[str, Any] = {
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
        "block_out_channels": (320, 640, 1280, 1280),
        "down_block_types": (*cross * 3, *plain),
        "up_block_types": (*plain_up, *cross_up * 3),
    }
    if xl:
        options = {
            "cross_attention_dim": 2048,
            "attention_head_dim": (5, 10, 20),
            "block_out_channels": (320, 640, 1280),
            "down_block_types": (*plain, *cross * 2),
            "up_block_types": (*cross_up * 2, *plain_up),
            "transformer_layers_per_block": (1, 2, 10),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        }
    with torch.device("meta"):
        return UNet2DConditionModel(**options)


def text_model(layers: int, width: int, projected: bool) -> Any:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers
    )
    with torch.device("meta"):
        return CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)


@pytest.mark.parametrize(
    ("xl", "modules", "names"),
    [
        (
            False,
            192,
            [
                "lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_ff_net_0_proj",
                "lora_unet_mid_block_attentions_0_proj_out",
                "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_attn2_to_out_0",
            ],
        ),
        (
            True,
            722,
            [
                "lora_unet_input_blocks_4_1_proj_in",
                "lora_unet_input_blocks_8_1_transformer_blocks_9_attn1_to_q",
                "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_v",
                "lora_unet_output_blocks_0_1_transformer_blocks_0_ff_net_2",
                "lora_unet_output_blocks_5_1_transformer_blocks_1_attn1_to_out_0",
            ],
        ),
    ],
)
def test_layers_of_the_unet(xl: bool, modules: int, names: list[str]) -> None:
    network = unet(xl)
    layers = target_layers(network, "transformer")
    found = {kohya_name(f"unet.{layer}", network) for layer in layers}
    assert len(layers) == len(found) == modules
    assert set(names) <= found
    whole = target_layers(network, "all")
    assert len({kohya_name(f"unet.{layer}", network) for layer in whole}) == len(whole)


@pytest.mark.parametrize(
    ("xl", "modules", "names"),
    [
        (False, 278, ["lora_unet_down_blocks_0_downsamplers_0_conv"]),
        (True, 788, ["lora_unet_input_blocks_3_0_op", "lora_unet_output_blocks_8_0_out_layers_3"]),
    ],
)
def test_layers_with_a_rank_for_convolutions(xl: bool, modules: int, names: list[str]) -> None:
    """As many as kohya's trainer and LyCORIS tell with conv_dim."""
    network = unet(xl)
    layers = target_layers(network, "transformer", convolutions=True)
    found = {kohya_name(f"unet.{layer}", network) for layer in layers}
    assert len(layers) == len(found) == modules
    assert set(names) <= found
    plain = set(target_layers(network, "attention")) | {
        name for name in layers if "transformer_blocks" not in name and "proj_" not in name
    }
    assert set(target_layers(network, "attention", convolutions=True)) == plain


@pytest.mark.parametrize(
    ("network", "xl", "layers", "width", "modules", "name"),
    [
        ("text_encoder", False, 12, 768, 72, "lora_te_text_model_encoder_layers_11_mlp_fc2"),
        ("text_encoder", True, 12, 768, 72, "lora_te1_text_model_encoder_layers_0_mlp_fc1"),
        (
            "text_encoder_2",
            True,
            32,
            1280,
            192,
            "lora_te2_text_model_encoder_layers_31_self_attn_out_proj",
        ),
    ],
)
def test_layers_of_the_text_encoders(
    network: str, xl: bool, layers: int, width: int, modules: int, name: str
) -> None:
    model, base = text_model(layers, width, projected=network == "text_encoder_2"), unet(xl)
    found = {
        kohya_name(f"{network}.{layer}", base) for layer in target_layers(model, "transformer")
    }
    assert len(found) == modules and name in found
